"""How much of what an import takes; beyond it the file is refused before it costs anything."""

LARGEST_FILE = 32 * 1024 * 1024
MOST_ROWS = 200_000
MOST_COLUMNS = 200
LONGEST_CELL = 100_000
# of an XLSX file, which is a zip
LARGEST_UNPACKED = 256 * 1024 * 1024
MOST_MEMBERS = 1000
# XML of a table packs to a tenth; a bomb to a thousandth
DENSEST = 100
# below this much nothing is a bomb
HARMLESS = 8 * 1024 * 1024
