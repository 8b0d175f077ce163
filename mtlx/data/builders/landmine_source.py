"""Where the landmine data come from."""

from mtlx.data.builders.landmine_format import parse_landmine
from mtlx.data.source import Source

FILE = "LandmineData.mat"
FIELDS = 29
URL = (
    "https://raw.githubusercontent.com/daizhongxiang/Federated_Bayesian_Optimization/"
    "9f46a1dfbbcfd5823e026ad9418a4cb881676ae9/LandmineData.mat"
)

PUBLISHED = Source(
    name="landmine",
    config="full",
    version="1.0.0",
    raw_name="landmine",
    splits={"signals": FILE},
    sha256={FILE: "2163ab20a80e33a8b65593c48cf283c540599dcb291105e63fa4af2ce24c2bea"},
    parse=parse_landmine,
    urls={FILE: URL},
)
