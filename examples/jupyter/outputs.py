"""Prints what the notebook's cells printed on stdout."""

import json

for cell in json.load(open("/tmp/drive.ipynb"))["cells"]:
    for output in cell["outputs"]:
        if output.get("name") == "stdout":
            print("".join(output["text"]), end="")
