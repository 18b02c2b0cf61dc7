"""docs/layer.md: its table is what trying each row finds, and nothing in it differs from Keras."""

import layer_table

import lstmcs


def test_the_table_of_the_page_is_what_was_tried():
    rows = layer_table.tried()
    assert layer_table.of_page() == layer_table.table(rows), "run python tests/layer_table.py"
    assert not any("DIFFERENT" in row for row in rows)
    for what, keras, ours, _ in rows:  # where Keras has an answer, ours is the same
        assert ours == "the same" or keras != "works" or "TFLite" in what, what


def test_the_docstring_names_the_page():
    assert "docs/layer.md" in lstmcs.LSTMCS.__doc__ and layer_table.PAGE.is_file()
