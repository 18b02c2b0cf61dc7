"""Data in: where files come from, what is in them, and how their texts become ids.

registry      where a file comes from, hash checked            formats      bytes -> a table of cells
loading       a table -> Dataset                               preparation  what happens inside a text, and the options
preprocess    Dataset -> ids                                   describe     what the data are, as frames
"""
