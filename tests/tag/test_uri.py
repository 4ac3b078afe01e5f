"""Data URIs are taken apart and put together again; what fedtag can't read is said at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tag.names import is_name, natural, slug
from tag.uri import Uri, parse_uri


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("mnist:2/3", Uri("mnist", "", 2, 3)),
        ("npz:/data/a.npz", Uri("npz", "/data/a.npz")),
        ("npz:a b.npz#1/2", Uri("npz", "a b.npz", 1, 2)),
        ("program:3/3", Uri("program", "", 3, 3)),
        ("program:eu?x=1", Uri("program", "eu?x=1")),
    ],
)
def test_a_uri_is_taken_apart_and_put_together(text: str, uri: Uri) -> None:
    assert parse_uri(text) == uri
    assert str(uri) == text


@pytest.mark.parametrize(
    "text",
    ["", "mnist", "mnist:", "mnist:x", "mnist:0/3", "mnist:4/3", "mnist:1/0", "npz:", "npz:#1/2", "npz:a#b", "s3:b/c"],
)
def test_a_uri_without_a_known_form_says_which_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"^uri '.*' .+; .*[^.]$"):
        parse_uri(text)


@given(st.text())
def test_every_slug_is_a_name(text: str) -> None:
    assert is_name(slug(text))


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True))
def test_a_name_is_only_changed_where_hyphens_follow_each_other(name: str) -> None:
    assert slug(name).replace("-", "") == name.replace("-", "")


def test_numbers_in_names_sort_by_value() -> None:
    assert sorted(["d10", "d2", "d1b", "d"], key=natural) == ["d", "d1b", "d2", "d10"]
