import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.web.metrics_response import (
    OFFERS,
    OPENMETRICS_0_0_1,
    OPENMETRICS_1_0_0,
    TEXT_0_0_4,
    Offer,
    accepts_gzip,
    negotiate_format,
)

OM = "application/openmetrics-text"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(
            f"{OM};version=1.0.0,{OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPENMETRICS_1_0_0,
            id="prometheus-2.42",
        ),
        pytest.param(
            f"{PROTOBUF},{OM};version=1.0.0;q=0.8,{OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPENMETRICS_1_0_0,
            id="prometheus-2.42-native-histograms",
        ),
        pytest.param("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT_0_0_4, id="prometheus-2.42-without-openmetrics"),
        pytest.param(
            f"{OM};version=1.0.0;q=0.5,{OM};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            OPENMETRICS_1_0_0,
            id="prometheus-2.53",
        ),
        pytest.param(
            f"{PROTOBUF};q=0.5,{OM};version=1.0.0;q=0.4,{OM};version=0.0.1;q=0.3,"
            "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OPENMETRICS_1_0_0,
            id="prometheus-2.53-native-histograms",
        ),
        pytest.param(
            f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.6,{OM};version=0.0.1;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            OPENMETRICS_1_0_0,
            id="prometheus-3.5",
        ),
        pytest.param(
            f"{PROTOBUF};q=0.6,{OM};version=1.0.0;escaping=allow-utf-8;q=0.5,{OM};version=0.0.1;q=0.4,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OPENMETRICS_1_0_0,
            id="prometheus-3.5-native-histograms",
        ),
        pytest.param(
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4",
            TEXT_0_0_4,
            id="prometheus-3.5-with-text-protocols-only",
        ),
        pytest.param(f"{OM};version=0.0.1;q=0.6,*/*;q=0.5", OPENMETRICS_0_0_1, id="prometheus-3.5-with-0.0.1-only"),
        pytest.param("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT_0_0_4, id="vmagent"),
        pytest.param("*/*", TEXT_0_0_4, id="curl"),
        pytest.param(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            TEXT_0_0_4,
            id="firefox",
        ),
        pytest.param(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
            "application/signed-exchange;v=b3;q=0.7",
            TEXT_0_0_4,
            id="chrome",
        ),
    ],
)
def test_client(accept: str, expected: Offer) -> None:
    """Every client gets the best form that it can read."""
    assert negotiate_format(accept) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(None, TEXT_0_0_4, id="no-header"),
        pytest.param("", TEXT_0_0_4, id="empty"),
        pytest.param("application/*", TEXT_0_0_4, id="a-wildcard-does-not-name-openmetrics"),
        pytest.param("text/plain;q=0,*/*", TEXT_0_0_4, id="even-when-text-is-refused"),
        pytest.param(OM, OPENMETRICS_1_0_0, id="without-version"),
        pytest.param(f"{OM};version=0.0.1", OPENMETRICS_0_0_1, id="draft"),
        pytest.param(f"{OM};version=0.0.1;q=0.9,{OM};q=0.8", OPENMETRICS_0_0_1, id="the-version-liked-better"),
        pytest.param(f"{OM};version=2.0.0", TEXT_0_0_4, id="a-version-to-come"),
        pytest.param(f"{OM};version=2.0.0,{OM};version=1.0.0;q=0.5", OPENMETRICS_1_0_0, id="a-version-to-come-first"),
        pytest.param(f"text/plain;version=1.0.0,{OM};q=0.1", OPENMETRICS_1_0_0, id="text-1.0.0-is-not-offered"),
        pytest.param(f"{OM},text/plain", OPENMETRICS_1_0_0, id="a-tie-goes-to-the-first-openmetrics"),
        pytest.param(f"text/plain,{OM}", TEXT_0_0_4, id="a-tie-goes-to-the-first-text"),
        pytest.param(f"*/*,{OM}", OPENMETRICS_1_0_0, id="named-beats-wildcard"),
        pytest.param(f"text/*,{OM}", OPENMETRICS_1_0_0, id="named-beats-type-wildcard"),
        pytest.param(f"*/*;q=0.9,{OM};q=0.8", TEXT_0_0_4, id="a-wildcard-liked-better"),
        pytest.param(
            f"text/plain;q=0.2,text/plain;version=0.0.4;q=0.9,{OM};q=0.5", TEXT_0_0_4, id="most-specific-up"
        ),
        pytest.param(f"*/*,text/*;q=0.1,{OM};q=0.5", OPENMETRICS_1_0_0, id="most-specific-down"),
        pytest.param(f"text/plain;q=0,{OM};q=0.001", OPENMETRICS_1_0_0, id="q-0-refuses-text"),
        pytest.param(f"{OM};q=0,text/plain;q=0.1", TEXT_0_0_4, id="q-0-refuses-openmetrics"),
        pytest.param(f"{OM};q=0.000", TEXT_0_0_4, id="q-0-in-full"),
        pytest.param("*/*;q=0", TEXT_0_0_4, id="all-refused"),
        pytest.param(PROTOBUF, TEXT_0_0_4, id="protobuf-only"),
        pytest.param("image/png", TEXT_0_0_4, id="nothing-that-fits"),
        pytest.param(f'{OM.upper()} ; VERSION="1.0.0" ; Q=0.5', OPENMETRICS_1_0_0, id="case-blanks-quotes"),
        pytest.param(f"{OM};charset=utf-8;escaping=values", OPENMETRICS_1_0_0, id="other-parameters"),
        pytest.param(f"{OM};q=1.5,text/plain;q=0.1", TEXT_0_0_4, id="q-above-1-is-not-read"),
        pytest.param(f"{OM};q=-1", TEXT_0_0_4, id="negative-q-is-not-read"),
        pytest.param(f"{OM};q=nan", TEXT_0_0_4, id="nan-is-not-read"),
        pytest.param(f"{OM};q=\u0661", TEXT_0_0_4, id="foreign-digits-are-not-read"),
        pytest.param(f"{OM};q=", TEXT_0_0_4, id="empty-q-is-not-read"),
        pytest.param(",".join(["a/b"] * 60 + [OM]), OPENMETRICS_1_0_0, id="the-61st-element-is-read"),
        pytest.param("," * 3000 + OM, TEXT_0_0_4, id="the-3001st-element-is-not-read"),
        pytest.param(f"{OM};q=0.5,{'a' * 10_000}", OPENMETRICS_1_0_0, id="what-stands-before-10-kB-is-read"),
        pytest.param("x" * 4096 + f",{OM}", TEXT_0_0_4, id="what-stands-behind-4-kB-is-not-read"),
        pytest.param("x" * (4096 - len(OM) - 1) + f",{OM};q=0", TEXT_0_0_4, id="what-the-limit-cuts-is-not-read"),
    ],
)
def test_rule(accept: str | None, expected: Offer) -> None:
    """The wish of the most specific range counts, then naming, then order; what fits nothing falls back to text."""
    assert negotiate_format(accept) is expected


def test_offers() -> None:
    """The three content types are those of the formats' own specifications."""
    assert [offer.content_type for offer in OFFERS] == [
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        "application/openmetrics-text; version=0.0.1; charset=utf-8",
    ]


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        pytest.param(None, False, id="no-header"),
        pytest.param("", False, id="empty"),
        pytest.param("gzip", True, id="prometheus"),
        pytest.param("identity", False, id="prometheus-without-compression"),
        pytest.param("gzip, deflate, br, zstd", True, id="browser"),
        pytest.param("br;q=1.0, gzip;q=0.8, *;q=0.1", True, id="liked-less-than-what-we-lack"),
        pytest.param("GZip", True, id="case"),
        pytest.param("x-gzip", True, id="old-name"),
        pytest.param("*", True, id="anything"),
        pytest.param("gzip;q=0", False, id="refused"),
        pytest.param("gzip;q=0, *", False, id="refused-by-name"),
        pytest.param("*;q=0", False, id="refused-with-all"),
        pytest.param("identity, gzip;q=0.5", False, id="identity-liked-better"),
        pytest.param("identity, gzip", True, id="liked-as-much-as-identity"),
        pytest.param("gzip;q=high", False, id="unreadable-q"),
        pytest.param("gzipped", False, id="only-the-whole-name"),
        pytest.param("deflate," * 5000 + "gzip", False, id="behind-the-limit"),
    ],
)
def test_gzip(accept_encoding: str | None, *, expected: bool) -> None:
    """Gzip is used when the client takes it and likes it no less than the plain page."""
    assert accepts_gzip(accept_encoding) is expected


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(["*/*", "gzip", OM, ";q=", "=", "0.5", ",", ";", '"', " ", "\t", "-1", "\u0661", "\ud800"])
    )
)
def test_any_header(parts: list[str]) -> None:
    """No header makes negotiation raise."""
    header = "".join(parts)
    assert negotiate_format(header) in OFFERS
    assert accepts_gzip(header) in (True, False)
