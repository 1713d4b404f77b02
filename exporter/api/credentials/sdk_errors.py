"""Why the vendor's library gave no credentials, in our words: its own can hold signed URLs and tokens."""

import re

from exporter.api.connection_failure import in_words

# What it says where nothing was asked over the network.
_SENTENCES = (
    ("Environment variable accessKeyId", "ALIBABA_CLOUD_ACCESS_KEY_ID is not set"),
    ("Environment variable accessKeySecret", "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"),
    ("IMDS credentials is disabled", "ALIBABA_CLOUD_ECS_METADATA_DISABLED=true forbids it"),
    ("cli credentials file is disabled", "ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true forbids it"),
    ("unable to open credentials file", "there is no such file"),
    ("failed to parse credential form cli", "the file cannot be read, or is no JSON"),
    ("invalid profile name", "no profile is named, and the file calls none current"),
    ("unable to get profile with", "the file has no profile of that name"),
    ("unsupported profile mode", "the profile has a mode that the vendor's library does not know"),
    ("failed to get credential from credentials file", "there is no such file, or no such section in it"),
    ("failed to execute external command", "the profile's command failed"),
    ("command process timed out", "the profile's command took too long"),
    ("No cached value was found", "the credentials have ended already; see that this machine's clock is right"),
)
_HTTP_STATUS = re.compile(r"(?:http_code|HttpCode)\s*[=:]\s*(?P<status>[0-9]{3})\b")
# The vendor's codes are words with points between them; a token has digits and is longer.
_CODE = re.compile(r'"Code"\s*:\s*"(?P<code>[A-Z][A-Za-z]{1,31}(?:\.[A-Z][A-Za-z]{1,31}){0,3})"')
_OK = 200


def explain(error: Exception) -> str:
    """Return what is missing or was refused; of a server's words only what has the form of a code."""
    text = str(error)
    for beginning, sentence in _SENTENCES:
        if text.startswith(beginning):
            return sentence
    if type(error).__name__ == "RetryError":
        return in_words(error)
    if isinstance(error, OSError) and error.strerror:
        return f"its file cannot be read: {error.strerror}"
    code = _CODE.search(text)
    status = _HTTP_STATUS.search(text)
    if status is not None and int(status["status"]) != _OK:
        return f"refused with {code['code']} (HTTP {status['status']})" if code else f"HTTP {status['status']}"
    if code is not None and code["code"] != "Success":
        return f"refused with {code['code']}"
    return f"the answer holds no credentials ({type(error).__name__})"
