"""Projects whose settings lie in files: sound, circular and nonsensical ones, and the programs that read them."""

from __future__ import annotations

import json
import random

Files = dict[str, str]
NAMES = ("model", "loss", "head", "a", "defaults", "_target_", "_args_", "_partial_", "type", "width", "_base_", "")
VALUES = (
    "torch.nn.CrossEntropyLoss", "torch.nn.Softmax", "nets.Net", "nets", "nets.missing.deep", ".", "..", "a..b", "${a}",
    "${model.a}", "${", "???", "softmax", 1, 0.5, True, None, -1, "torch.nn.Sequential", "_self_", "@", "/",
    "override x",
)  # fmt: skip
READING = """import argparse
import json
import hydra
import gin
import torch.nn as nn
import torch.nn.functional as F
import yaml
from hydra.utils import instantiate
from mmengine.config import Config
from mmengine.registry import Registry
from omegaconf import OmegaConf
import nets

MODELS = Registry("models")
parser = argparse.ArgumentParser()
parser.add_argument("--config", default="{path}")
args = parser.parse_args()
"""
WAYS = (
    "cfg = json.load(open('{path}'))",
    "cfg = yaml.safe_load(open(args.config))",
    "cfg = OmegaConf.load('{path}')",
    "cfg = OmegaConf.merge(OmegaConf.create({{'a': 1, 'model': {{'a': 'softmax'}}}}), OmegaConf.load('{path}'), args)",
    "cfg = Config.fromfile('{path}')",
    "cfg = Config.fromfile('base.py')",
    "cfg = {{**json.load(open('{path}')), **vars(args)}}",
    "gin.parse_config_file('{path}')\ncfg = {{}}\ncfg.update(args)",
    "gin.parse_config('Net.width = {{}}\\n/.=\\na.b = (1,\\n  2)')\ncfg = {{}}",
)
USES = """
net = {built}
out = nn.Softmax(dim=1) if {flag} else nn.Identity()
criterion = {loss}
for x, y in loader:
    criterion(out(net(x)), y).backward()
    F.cross_entropy(net(x), y)
"""
BUILT = ("instantiate({it})", "MODELS.build({it})", "nets.Net(**{it})", "getattr(nets, {it})()", "MODELS.get({it})()")
LOSSES = ("instantiate({it})", "getattr(nn, {it})()", "{it}", "nn.CrossEntropyLoss()", "MODELS.build({it})")
FLAGS = ("{it}", "{it} == 'softmax'", "not {it}", "cfg.get('a', {it})")
NETS = """import gin
import torch.nn as nn


@gin.configurable
class Net(nn.Module):
    def __init__(self, width=8, a=None, model=None):
        super().__init__()
        self.fc = nn.Linear(width, 3)
        self.soft = a

    def forward(self, x):
        return self.fc(x).softmax(1) if self.soft == "softmax" else self.fc(x)
"""


def tree(draw: random.Random, depth: int = 0) -> object:
    """Settings as a tree."""
    kind = draw.random()
    if depth > 3 or kind < 0.35:
        return draw.choice(VALUES)
    if kind < 0.5:
        return [tree(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {draw.choice(NAMES): tree(draw, depth + 1) for _ in range(draw.randrange(1, 5))}


def defaults(draw: random.Random) -> list[object]:
    """A list of defaults for Hydra."""
    entries: list[object] = ["_self_", "other", "/model/one", {"model": "one"}, {"model": draw.choice(VALUES)}]
    entries += [
        {"loss@model.loss": "two"},
        {"optional loss": "two"},
        {"override model": "one"},
        3,
        {},
        {"a": ["one", 2]},
    ]
    return [draw.choice(entries) for _ in range(draw.randrange(5))]


def text(draw: random.Random, name: str) -> str:
    """A settings file; JSON, which is YAML as well, and now and then broken."""
    data = tree(draw)
    if isinstance(data, dict) and draw.random() < 0.6:
        data["defaults"] = defaults(draw)
    written = json.dumps(data)
    if name.endswith(".gin"):
        written = "\n".join(f"{draw.choice(NAMES)}.{draw.choice(NAMES)} = {value!r}" for value in VALUES)
    if draw.random() < 0.3:
        written = f"# @package {draw.choice(('_global_', 'model', '_group_', 'a.b'))}\n{written}"
    return written if draw.random() < 0.9 else written[: draw.randrange(len(written) + 1)]


def project(draw: random.Random) -> Files:
    """A project that reads its settings in one way or another."""
    names = ("conf/config.yaml", "conf/other.yaml", "conf/model/one.yaml", "conf/loss/two.yaml", "s.json", "s.gin")
    files = {name: text(draw, name) for name in names}
    bases = draw.choice(("'base.py'", "['other.py']", "3", "'missing.py'", "'../base.py'"))
    files["base.py"] = f"_base_ = {bases}\nmodel = dict(type='Net', width=8)\n"
    files["other.py"] = "_base_ = 'base.py'\nfrom base import *\nloss = dict(model)\n"
    files["nets.py"] = NETS
    keys = [draw.choice(NAMES) for _ in range(draw.randrange(1, 3))]
    it = "cfg" + "".join(f"[{key!r}]" if draw.random() < 0.5 or not key else f".{key}" for key in keys)
    uses = USES.format(
        built=draw.choice(BUILT).format(it=it),
        flag=draw.choice(FLAGS).format(it=it),
        loss=draw.choice(LOSSES).format(it=it),
    )
    path = draw.choice(("s.json", "conf/config.yaml", "s.gin", "conf", "../s.json", "missing.yaml"))
    if draw.random() < 0.5:
        folder, name = draw.choice((("conf", "config"), (".", "conf/config"), ("..", "x"), ("conf/model", "one")))
        body = "\n".join(f"    {line}" for line in uses.split("\n"))
        main = f"@hydra.main(config_path={folder!r}, config_name={name!r})\ndef main(cfg):\n{body}\n\nmain()\n"
        files["main.py"] = f"{READING.format(path=path)}\n{main}"
    else:
        files["main.py"] = READING.format(path=path) + draw.choice(WAYS).format(path=path) + uses
    return files
