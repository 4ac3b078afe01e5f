"""A TAG as a picture or as text: what there is (`model`, `build`), where it stands (`layout`), and its text."""
