"""What a JSON reply could hold, for tests that try anything."""

from hypothesis import strategies as st

# Texts of any code points, surrogates among them, as JSON's escapes allow.
TEXTS = st.text(st.characters(codec=None)) | st.sampled_from(["financial", "PayByTraffic", "2018-03-31T16:00:00Z"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda values: st.lists(values) | st.dictionaries(st.just("LockReason") | TEXTS, values),
    max_leaves=8,
)
