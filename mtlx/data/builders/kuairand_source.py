"""Where KuaiRand-Pure's files come from."""

from mtlx.data.builders.kuairand_format import parse_kuairand
from mtlx.data.source import Source

URL = "https://zenodo.org/records/10439422/files/KuaiRand-Pure.tar.gz"
USERS, VIDEOS = "user_features_pure.csv", "video_features_basic_pure.csv"
FIRST, SECOND = (
    f"log_standard_{days}.csv" for days in ("20220425_20220430", "20220501_20220508")
)
WHOLE = "log_standard_4_22_to_5_08_pure.csv"

# The last 14 days of the log of the standard policy, in two files: all its rows of
# these days, in the log's own 19 columns, sorted by time.
SAMPLE = Source(
    name="kuairand",
    config="sample",
    version="1.0.0",
    raw_name="kuairand_pure_sample",
    splits={"first": FIRST, "second": SECOND, "users": USERS, "videos": VIDEOS},
    sha256={
        FIRST: "4154e89502f91871432a1db9af53b496d1f1c9a8e9606b1186e76d08685f25d7",
        SECOND: "2e8cd07dc93d15171bf7ecbe5f330425f3fbe854f281d91238614c8214f4df70",
        USERS: "dc729a656301b4c6d07f713fe41d05ec9bfaab670b90e531c70037caf033c011",
        VIDEOS: "a6f7ee02684c5777422306cdc416e170302288aa89aca9dfea995edbd625bcc2",
    },
    parse=parse_kuairand,
)

# The published archive. We had the sample alone, so the digests of these files are not
# known here; what is held against the sample are the rows, see ROWS.
PUBLIC = SAMPLE._replace(
    config="public",
    raw_name="KuaiRand-Pure/data",
    splits={"log": WHOLE, "users": USERS, "videos": VIDEOS},
    sha256={WHOLE: None, USERS: None, VIDEOS: None},
    url=URL,
)

# Of the sample's rows, sorted by all columns from the first to the last, as
# little-endian int64 [228329, 19].
ROWS = "fe168feb04d2852a0d60d6ccc2f41cb3686ccefefca4d885ef028ccd3188bbf3"
