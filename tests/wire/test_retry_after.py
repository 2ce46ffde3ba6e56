from __future__ import annotations

import copy
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse._wire.retry_after import (
    ServiceRetryAfter,
    parse_http_date,
    parse_http_retry_after,
    parse_service_retry_after,
    retry_after,
)


@pytest.mark.parametrize(("value", "seconds"), [("1500", 1.5), ("0", 0.0), (" 20 ", 0.02), ("9" * 18, 1e15)])
def test_service_header_is_milliseconds(value: str, seconds: float) -> None:
    """`x-amz-retry-after` counts milliseconds."""
    assert parse_service_retry_after(value) == seconds


@pytest.mark.parametrize("value", ["", "invalid", "-100", "1.5", "1e3", "nan", "inf", "９", "9" * 5000])
def test_service_header_that_is_no_number_is_ignored(value: str) -> None:
    """Anything but a whole, not negative number of milliseconds is as if it were absent."""
    assert parse_service_retry_after(value) is None


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120.0), ("0", 0.0), ("1.5", 1.5), ("9" * 12, 1e9), ("9" * 5000, 1e9)]
)
def test_http_header_is_seconds(value: str, seconds: float) -> None:
    """`Retry-After` counts seconds."""
    assert parse_http_retry_after(value) == seconds


@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "inf", "1,5"])
def test_http_header_that_makes_no_sense_is_ignored(value: str) -> None:
    """What is neither seconds nor a date is as if it were absent."""
    assert parse_http_retry_after(value) is None


@pytest.mark.parametrize(
    "value", ["Fri, 31 Dec 2027 23:59:59 GMT", "Friday, 31-Dec-27 23:59:59 GMT", "Fri Dec 31 23:59:59 2027"]
)
def test_dates_in_every_form_of_rfc_9110(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All three date forms are GMT, whatever the time zone of this machine is."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert parse_http_date(value) == 1830297599.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_date_is_measured_against_the_date_of_the_answer() -> None:
    """A wrong clock on this machine does not move the wait."""
    headers = {"retry-after": "Fri, 31 Dec 2027 23:59:59 GMT", "date": "Fri, 31 Dec 2027 23:59:50 GMT"}
    assert retry_after(headers) == 9.0


def test_date_in_the_past_is_no_wait() -> None:
    """A date that has passed means now, not a negative wait."""
    assert parse_http_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", now=time.time()) == 0.0


def test_service_header_wins() -> None:
    """With both headers AWS's own counts, and is told apart by its type."""
    wait = retry_after({"retry-after": "7", "x-amz-retry-after": "1500"})
    assert wait == 1.5
    assert isinstance(wait, ServiceRetryAfter)


def test_invalid_service_header_leaves_the_other_one() -> None:
    """A service header that makes no sense does not hide a good `Retry-After`."""
    wait = retry_after({"retry-after": "7", "x-amz-retry-after": "-1"})
    assert wait == 7.0
    assert not isinstance(wait, ServiceRetryAfter)


def test_no_header_asks_for_nothing() -> None:
    """Without headers there is no wait to honour."""
    assert retry_after({}) is None


def test_the_source_survives_pickle_and_copy() -> None:
    """An error that was pickled is still retried by AWS's rule."""
    wait = ServiceRetryAfter(1.5)
    assert type(pickle.loads(pickle.dumps(wait))) is ServiceRetryAfter
    assert type(copy.deepcopy(wait)) is ServiceRetryAfter
    assert repr(wait) == "1.5"


@given(st.text(), st.text(), st.text())
def test_no_header_breaks_the_parser(service: str, http: str, date: str) -> None:
    """Whatever a peer sends, the result is None or a number of seconds that is not negative."""
    wait = retry_after({"x-amz-retry-after": service, "retry-after": http, "date": date})
    assert wait is None or wait >= 0


@given(
    st.lists(st.sampled_from(["Fri,", "31", "Dec", "2027", "23:59:59", "GMT", "+9999", "-0000", "99999", ":", "Sept"]))
)
def test_nearly_dates_do_not_break_the_parser(parts: list[str]) -> None:
    """Dates that are almost right give a number or None."""
    assert isinstance(parse_http_date(" ".join(parts)), float | None)
