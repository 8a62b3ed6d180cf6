"""The widgets: thin, on Qt; they fill in a task of `abbe.napari`, run it beside the viewer, and show what it gives."""
