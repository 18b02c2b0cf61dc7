"""From records to pages: notebooks run in batch, and what they show.

run      papermill runs the notebooks for a study's settings         pages   HTML of them, and the index
plots    pictures          wording   sentences          show   HTML pieces of both
"""
