"""A town's clerk with a spreadsheet program, played by openpyxl: what it reads, changes and writes.

    sheet.py findings OUT.zip PHOTO...   a list of findings with its photos
    sheet.py touch IN OUT                opened and saved
    sheet.py edit IN OUT CHANGES         CHANGES is JSON, see edit()
    sheet.py read IN                     what stands in it, as JSON
"""

import json
import sys
import zipfile
from io import BytesIO

import openpyxl


def findings(out, *photos):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["暗访问题清单"])
    sheet.append(["序号", "检查时间", "镇街", "责任网格", "地点", "存在问题", "现场照片"])
    lines = json.loads(sys.stdin.read())
    for line in lines:
        sheet.append(line)
    table = BytesIO()
    book.save(table)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("清单.xlsx", table.getvalue())
        for photo in photos:
            archive.write(photo, "照片/" + photo.rsplit("/", 1)[-1])


def touch(source, out):
    openpyxl.load_workbook(source).save(out)


def edit(source, out, changes):
    """{"set": [[sheet, short, column, value]], "reverse": sheet, "add": [[sheet, {column: value}]]}"""
    changes = json.loads(changes)
    book = openpyxl.load_workbook(source)
    for name, short, column, value in changes.get("set", []):
        sheet = book[name]
        titles = [cell.value for cell in sheet[1]]
        row = next(r for r in sheet.iter_rows(min_row=2) if r[titles.index("短号")].value == short)
        row[titles.index(column)].value = value
    if "reverse" in changes:
        sheet = book[changes["reverse"]]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
        for at, row in enumerate(reversed(rows), start=2):
            for column, value in enumerate(row, start=1):
                sheet.cell(row=at, column=column).value = value
    for name, line in changes.get("add", []):
        sheet = book[name]
        titles = [cell.value for cell in sheet[1]]
        sheet.append([line.get(title) for title in titles])
    book.save(out)


def read(source):
    book = openpyxl.load_workbook(source)
    sheets = []
    for sheet in book.worksheets:
        setup = sheet.page_setup
        sheets.append({
            "name": sheet.title,
            "state": sheet.sheet_state,
            "header": [cell.value for cell in sheet[1]],
            "rows": [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)],
            "pictures": [[i.anchor._from.row, i.anchor._from.col] for i in sheet._images],
            "orientation": setup.orientation,
            "paper": setup.paperSize,
            "repeat": sheet.print_title_rows,
            "formulas": sum(1 for row in sheet.iter_rows() for cell in row if cell.data_type == "f"),
        })
    print(json.dumps(sheets, ensure_ascii=False))


if __name__ == "__main__":
    {"findings": findings, "touch": touch, "edit": edit, "read": read}[sys.argv[1]](*sys.argv[2:])
