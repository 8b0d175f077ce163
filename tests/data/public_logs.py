"""Made-up files in the published forms of four large logs."""

import random
import zipfile

import numpy as np

from mtlx.data.builders import aliexpress_format as ae
from mtlx.data.builders.aliccp_format import COMMON, OWN
from mtlx.data.builders.tenrec_format import VIDEO, WITH_HISTORY

BEHAVIOURS = ("101_14", "127_14", "150_14")


def aliexpress_rows(seed, pages=40, items=5):
    """Rows of the joined form; a page's own columns are alike in its rows."""
    draw = random.Random(seed)
    rows = []
    for page in range(pages):
        own = {f"categorical_{n}": draw.randrange(4) for n in range(1, 10)}
        own |= {f"numerical_{n}": round(draw.random(), 3) for n in range(1, 24)}
        for _ in range(items):
            click = int(draw.random() < 0.5)
            row = own | {f"categorical_{n}": draw.randrange(3) for n in range(10, 17)}
            row |= {f"numerical_{n}": round(draw.random(), 3) for n in range(24, 64)}
            row |= {"search_id": 7 * page + seed, "click": click}
            row["conversion"] = click * int(draw.random() < 0.5)
            rows.append([row[name] for name in ae.COLUMNS])
    return rows


def write_published_aliexpress(folder, part, rows, packed):
    """The pair of files that such rows are joined from: the published columns are
    put together here by their places in the published description."""
    pages, items = {}, []
    for row in rows:
        cells = dict(zip(ae.COLUMNS, row, strict=True))
        ids = [cells[name] for name in ae.CATEGORICAL]
        numbers = [cells[name] for name in ae.NUMERICAL]
        user = [cells["search_id"], *ids[:7], *numbers[:23], *ids[7:9]]
        item_ids, item_numbers = iter(ids[9:]), iter(numbers[23:])
        item = [cells["search_id"]]
        for place in range(2, 49):
            source = item_ids if place in (19, 34, 35, 36, 40, 41, 42) else item_numbers
            item.append(next(source))
        items.append([*item, cells["click"] + cells["conversion"]])
        pages[cells["search_id"]] = user
    items.append([10**6, *items[-1][1:]])  # of a page that nobody knows
    for kind, lines in (("user", list(pages.values())[::-1]), ("item", items)):
        text = "".join(",".join(map(str, line)) + "\n" for line in lines)
        name = f"nl_{kind}_{part}"
        if packed:
            with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
                archive.writestr(f"{name}.csv", text)
        else:
            (folder / f"{name}.csv").write_text(text)


def aliccp_files(folder, rows):
    """Skeletons and common features; returns what each sample holds, by part."""
    folder.mkdir(parents=True, exist_ok=True)
    draw, samples = random.Random(3), {}
    for part in ("train", "test"):
        users = {
            f"{part}{n:04x}": {
                **{field: [draw.randrange(5)] for field in COMMON},
                **{
                    field: [draw.randrange(9) for _ in range(3)] for field in BEHAVIOURS
                },
            }
            for n in range(12)
        }
        samples[part] = []
        skeleton = []
        for number in range(rows):
            key = draw.choice(list(users))
            own = {field: [draw.randrange(6)] for field in OWN}
            own["210"] = [draw.randrange(9) for _ in range(3)]
            own["216"].append(99)
            if number % 3 == 0:
                del own["702"]
            click = int(draw.random() < 0.5)
            purchase = int(draw.random() < 0.3)
            cells = (number + 1, click, purchase, key, len(own), features(own, draw))
            skeleton.append(",".join(map(str, cells)))
            samples[part].append(
                {"click": click, "purchase": purchase, "features": own | users[key]}
            )
        common = [
            f"{key},{len(own)},{features(own, draw)}" for key, own in users.items()
        ]
        (folder / f"sample_skeleton_{part}.csv").write_text("\n".join(skeleton) + "\n")
        (folder / f"common_features_{part}.csv").write_text("\n".join(common) + "\n")
    return samples


def features(fields, draw):
    """As they are written, fields in any order."""
    names = list(fields)
    draw.shuffle(names)
    return "\x01".join(f"{f}\x02{v}\x031.0" for f in names for v in fields[f])


def byterec_rows(rows):
    """Tuples in the order of the published columns."""
    draw = random.Random(4)
    return [
        (
            draw.randrange(30),
            draw.choice((-1, 3, 5)),
            draw.randrange(40),
            draw.randrange(20),
            draw.choice((-1, 0, 1, 2)),
            draw.randrange(5),
            int(draw.random() < 0.4),
            int(draw.random() < 0.3),
            draw.choice((-1, 7, 8, 9)),
            draw.randrange(30),
            53_085_000_000 + draw.randrange(10**6),
            draw.randrange(2, 40),
        )
        for _ in range(rows)
    ]


def jdsearch_lines(searches):
    """Lines of release_data.txt; products with a label come first, as published."""
    draw, lines = random.Random(5), []
    for _ in range(searches):
        shown = draw.sample(range(100, 160), draw.randrange(4, 9))
        grades = sorted((draw.choice((0, 0, 1, 2, 3)) for _ in shown), reverse=True)
        past = [draw.randrange(100, 160) for _ in range(draw.randrange(1, 7))]
        actions = [draw.choice(("ORD", "CART", "CLICK", "FLW")) for _ in past]
        queries = [draw.choice(("-1", "11\x1812")) for _ in past]
        times = [0, *(draw.randrange(99) for _ in past)]
        cells = (
            "\x18".join(str(draw.randrange(10, 20)) for _ in range(2)),
            *("_".join(map(str, x)) for x in (shown, [f"{g}.0" for g in grades])),
            *("_".join(map(str, x)) for x in (queries, past, actions, times)),
        )
        lines.append("\t".join(cells))
    return lines


def jdsearch_products():
    """Lines of product_data.txt, of most products."""
    draw = random.Random(6)
    return [
        "\t".join(
            [str(wid), "5\x186", str(draw.randrange(4)), "" if wid % 7 else "8\x189"]
            + [str(draw.randrange(5)) for _ in range(8)]
            + [str(draw.randrange(9))]
        )
        for wid in range(100, 150)
    ]


def tenrec_rows(rows, seed=7):
    """Rows in the order of the published columns, with the history of their user."""
    draw = random.Random(seed)
    histories = {u: [draw.randrange(1, 30) for _ in range(10)] for u in range(1, 13)}
    histories[3] = [4, 9] + [0] * 8
    made = []
    for _ in range(rows):
        user = draw.randrange(1, 13)
        click = int(draw.random() < 0.25)
        like = click * int(draw.random() < 0.5)
        made.append(
            [user, draw.randrange(1, 30), click, int(draw.random() < 0.1)]
            + [like, int(draw.random() < 0.1)]
            + [draw.choice((r"\N", 0, 1, 2)), click * draw.randrange(1, 4)]
            + [user % 3, user % 7, *histories[user]]
        )
    return made


def write_tenrec(path, rows, history=True):
    names = list(WITH_HISTORY.kinds)
    width = len(names) if history else len(VIDEO.kinds)
    lines = [names[:width], *(row[:width] for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines))


def column(dataset, part, name):
    place = dataset.schema.names.index(name)
    return getattr(dataset, part).features["categorical"][:, place]


def alike(ids, cells):
    """Whether known ids are equal where the cells are."""
    known = ids > 0
    assert known.any()
    same = np.equal.outer(cells[known], cells[known])
    return (np.equal.outer(ids[known], ids[known]) == same).all()
