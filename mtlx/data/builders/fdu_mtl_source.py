"""The labelled files of the FDU multi-task review corpus: two a domain."""

from mtlx.data.builders.fdu_mtl_format import parse_fdu_mtl
from mtlx.data.source import Source

# task -> the stem of its files, in the order of the published tables
STEMS = {
    "books": "books",
    "electronics": "electronics",
    "dvd": "dvd",
    "kitchen": "kitchen_housewares",
    "apparel": "apparel",
    "camera": "camera_photo",
    "health": "health_personal_care",
    "music": "music",
    "toys": "toys_games",
    "video": "video",
    "baby": "baby",
    "magazines": "magazines",
    "software": "software",
    "sports": "sports_outdoors",
    "imdb": "imdb",
    "mr": "MR",
}

# One line a digest, so that it can be compared with what a shell prints.
SHA256 = {
    "books.task.train": (
        "40c4c5971165b9e0a509a60472c3bf06c8e1430d4944833141eb3c34d986b65e"
    ),
    "books.task.test": (
        "b451ac03e48b599bf35dd1a450158389e1ac9018950e95c631053ac14a5b10ad"
    ),
    "electronics.task.train": (
        "bb2f28c4a20e3d075dd71ff049970bd445f4d47bcc8404a68eb03850413a8da7"
    ),
    "electronics.task.test": (
        "a4d2e7d2a5b8b501a6611e45e1b241aa0d601388b79265cfc94c203cb52f8b8c"
    ),
    "dvd.task.train": (
        "47334240d9cef76ac5f15a10f9082c3d2c6e7f9a9bb0478a3800ede2a0300771"
    ),
    "dvd.task.test": (
        "762e6e030892375eda4f211be58624a3bb6a07c966901c79b803837d21fca4b5"
    ),
    "kitchen_housewares.task.train": (
        "df5c9e8473b084a6b252dfbb5e074adcaacb9638a882fee3f20d62d747f45d6f"
    ),
    "kitchen_housewares.task.test": (
        "86bcc015f7cfa773880951830ac6161dc2b8717e8a69773ca11a5bd6529b2020"
    ),
    "apparel.task.train": (
        "589702d71eded8ca23907acf6e434f203c8c6feb09737106f77f03707641ffc3"
    ),
    "apparel.task.test": (
        "8e591ec14fa0e3d26837b9a40c99d3a93b49f47e7a3fbe4d0afe1b4e1dd45439"
    ),
    "camera_photo.task.train": (
        "425bf93c303b2f38d2f53649508ea9e55d0114679ecb00fda5c2c15ebbe9e708"
    ),
    "camera_photo.task.test": (
        "3fdea0837d6c41f04720dce8d2e690bbdeb5019ecac749f8f38472ac1dcfa439"
    ),
    "health_personal_care.task.train": (
        "384f1ec3d76a2f755844cac4bd7725b86bc79910dae60fc33f133e380f827b4a"
    ),
    "health_personal_care.task.test": (
        "07f289177da7ebe71f1ac2ee3d5a25f190913e2a11116f0fb55862e01b60a331"
    ),
    "music.task.train": (
        "f0b41243475c16391a02e91d87710ed87d68927d4d77f526a3d2369a98ac572e"
    ),
    "music.task.test": (
        "54a157c56930b9e587b6b955fe4b2e3258d2f70d0d58ccbbf40a4bfd846ee204"
    ),
    "toys_games.task.train": (
        "bb8404d3b48ab02bca2a75bb1e245297aac36b8143a81549f6485b4c2d24dd10"
    ),
    "toys_games.task.test": (
        "6ee304a53f25697ee96bcb60fe07cc36d282ef343c3e0f8ae09df669ec39b116"
    ),
    "video.task.train": (
        "2867b3e5fffc44132aa61ff49dd608eeacc503b2c9c2133680f0cb4a7a258f3e"
    ),
    "video.task.test": (
        "8de7a49ee3001409c9049b1f52949d78c7875cb92e031b43f5cef681dfd341e4"
    ),
    "baby.task.train": (
        "0d884186f3aef0e12dafac0a875887fe631de0df992b15158ab177763882bf57"
    ),
    "baby.task.test": (
        "8763bb4b8bbf83b93b6aab03706719fc742fb7d89830a6bd95ea1c2490ea58f7"
    ),
    "magazines.task.train": (
        "d4805a9f094c1c7befa64bc42ea846261b1290a2fd120c46f45c9e89faf782ae"
    ),
    "magazines.task.test": (
        "620ecd0ccd7b7f73483b8cdcef5ca07dff92e2d57c9cf4b6e9f7d669a681f6c3"
    ),
    "software.task.train": (
        "a050cb3ea22b94b21ce70acff3a23eabd1f39307bd862d6c0cc23170eb4830f4"
    ),
    "software.task.test": (
        "3b92617a5b3ad618b7aaab98546d49c2a69f46dedbceb4ec14dee1cbb4ff02d3"
    ),
    "sports_outdoors.task.train": (
        "062ac0e2fb04a81c1f06f15b219634810a323a2ee187750e2f479030ebad0326"
    ),
    "sports_outdoors.task.test": (
        "77394d7c91fbc69cc16bfaf79f1f945999fe2d8e0fc536f1f79d17089e611f49"
    ),
    "imdb.task.train": (
        "16dd91ee7aebde130cfeb4d1c58bfe221ad87f1862fdb8ae694693eec3432caa"
    ),
    "imdb.task.test": (
        "dc708b7338157a6be56a1ded26abd97f82284d0e736876a6b833ad59e8a2cd53"
    ),
    "MR.task.train": (
        "a6f222085a50061dd560c3beafc968679abae74683e3d18a66b619c5e2d178dc"
    ),
    "MR.task.test": (
        "82ec2a6d570978d173240dfd655c25e151761d7d0ace365725745a361e6fabea"
    ),
}

PUBLISHED = Source(
    name="fdu_mtl_reviews",
    config="full",
    version="1.0.0",
    raw_name="fdu_mtl_reviews",
    splits={name: name for name in SHA256},
    sha256=SHA256,
    parse=parse_fdu_mtl,
    archives=("fdu_mtl_reviews.tar.xz", "mtl-dataset.tar.gz"),
)


def file_of(task: str, split: str) -> str:
    """The name of the "train" or "test" file of a task."""
    return f"{STEMS[task]}.task.{split}"
