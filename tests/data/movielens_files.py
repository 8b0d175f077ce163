"""Made-up files in the form of MovieLens' two editions."""

import random

from mtlx.data.builders import movielens_100k_format as small
from mtlx.data.builders import movielens_latest_small_format as latest

USERS, FILMS, RATINGS = 20, 15, 240


def made_up_ratings(seed=0):
    """(user, film, stars 1 to 5, seconds), each pair once, several at one moment."""
    draw = random.Random(seed)
    pairs = [(user, film) for user in range(1, USERS + 1) for film in range(1, FILMS)]
    chosen = draw.sample(pairs, RATINGS - 1) + [(1, FILMS)]
    times = [880_000_000 + 1800 * draw.randrange(150) for _ in range(RATINGS - 1)]
    rows = [
        (*pair, draw.randint(1, 5), time)
        for pair, time in zip(chosen, [*times, 890_000_000], strict=True)
    ]
    draw.shuffle(rows)
    return rows


def genres_of(film):
    """Numbers of genres; the first film has none that is known."""
    return [] if film == 1 else sorted({film % 18, 3 * film % 18})


def year_of(film):
    return "" if film == 2 else str(1990 + film % 4)


def profile_of(user):
    """age, gender, occupation"""
    return 10 + 3 * user, "MF"[user % 2], small.OCCUPATIONS[user % 21]


def write_100k(folder, ratings=None):
    """The three files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = made_up_ratings() if ratings is None else ratings
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (folder / small.RATINGS).write_text(text)
    lines = []
    for film in range(1, FILMS + 1):
        flags = ["1" if g in genres_of(film) else "0" for g in range(18)]
        unknown = "0" if genres_of(film) else "1"
        date = year_of(film) and f"01-Jan-{year_of(film)}"
        head = [str(film), f"L'été {film}", date, "", "http://x", unknown]
        lines.append("|".join(head + flags) + "\n")
    (folder / small.MOVIES).write_text("".join(lines), encoding="latin-1")
    lines = [
        "|".join(map(str, (user, *profile_of(user), "55455"))) + "\n"
        for user in range(1, USERS + 1)
    ]
    (folder / small.USERS).write_text("".join(lines))
    return folder


def latest_files(ratings=None):
    """Name -> content of the two files."""
    rows = made_up_ratings() if ratings is None else ratings
    text = "userId,movieId,rating,timestamp\r\n"
    text += "".join(f"{u},{f},{stars / 2},{time}\r\n" for u, f, stars, time in rows)
    films = "movieId,title,genres\r\n"
    for film in range(1, FILMS + 1):
        genres = "|".join(latest.GENRES[g] for g in genres_of(film))
        year = year_of(film) and f" ({year_of(film)})"
        films += f'{film},"Film, {film}{year} ",{genres or "(no genres listed)"}\r\n'
    return {latest.RATINGS: text.encode(), latest.MOVIES: films.encode()}
