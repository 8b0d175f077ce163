"""Where the School data come from: the file of the MALSAR package."""

from mtlx.data.builders.school_format import parse_school
from mtlx.data.source import Source

FILE = "school.mat"
SCHOOLS = 139
URL = (
    "https://raw.githubusercontent.com/jiayuzhou/MALSAR/"
    "ca3d55b878cc4113f0d9603e8ac46538aeb1ecd9/data/school.mat"
)

PUBLISHED = Source(
    name="school",
    config="malsar",
    version="1.0.0",
    raw_name="school",
    splits={"pupils": FILE},
    sha256={FILE: "57fb3238fdd03a9aa17276e2ce18d9bbb5d128c3261e794fe6233b58b6909068"},
    parse=parse_school,
    urls={FILE: URL},
)
