"""Where the file of the MineThatData e-mail challenge comes from."""

from mtlx.data.builders.hillstrom_format import parse_hillstrom
from mtlx.data.source import Source

FILE = "hillstrom.csv"
URL = (
    "http://www.minethatdata.com/Kevin_Hillstrom_MineThatData_E-MailAnalytics_"
    "DataMiningChallenge_2008.03.20.csv"
)

PUBLISHED = Source(
    name="hillstrom_email",
    config="full",
    version="1.0.0",
    raw_name="hillstrom_email",
    splits={"customers": FILE},
    sha256={FILE: "0e5893329d8b93cefecc571777672028290ab69865718020c78c7284f291aece"},
    parse=parse_hillstrom,
    urls={FILE: URL},
)
