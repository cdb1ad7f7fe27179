"""Real architectures, made small: their own scores are clean, and a softmax round them is found with its line.

No weights are loaded. Needs timm and transformers: `pip install -e '.[dev,trainers]'`, then `pytest -m trainers`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from rawlogits.training import verify  # noqa: E402

pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("ignore")]

IMAGES = """
resnet18 mobilenetv3_small_050 vit_tiny_patch16_224 convnext_atto efficientnet_b0 regnetx_002 densenet121
swin_tiny_patch4_window7_224 mixer_s32_224 deit_tiny_patch16_224 resmlp_12_224 xcit_nano_12_p16_224 edgenext_xx_small
mobilevit_xxs ghostnet_050 lcnet_035 tinynet_e visformer_tiny poolformer_s12 hrnet_w18_small fastvit_t8 repvgg_a0
coat_lite_tiny resnext50_32x4d seresnet50 dla34 mnasnet_small cait_xxs24_224 pvt_v2_b0 gmlp_ti16_224
""".split()
TEXTS = """
bert roberta distilbert albert electra deberta deberta-v2 xlnet mpnet camembert xlm-roberta roformer squeezebert
nystromformer convbert mobilebert funnel layoutlm gpt2 llama mistral qwen2 phi gemma opt bart bloom falcon
ibert rembert ernie megatron-bert fnet yoso modernbert
""".split()
SMALL = {
    **dict.fromkeys(("hidden_size", "d_model", "dim", "n_embd", "embedding_size", "pooler_hidden_size"), 16),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_key_value_heads"), 2),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "encoder_ffn_dim", "decoder_ffn_dim"), 32),
    "vocab_size": 50,
    "max_position_embeddings": 40,
    "head_dim": 8,
    "num_labels": 3,
    "pad_token_id": 0,
}
Y = torch.arange(4) % 3


class Scores(nn.Module):
    """The scores of a model, whatever it wraps them in."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = self.model(*args, **kwargs)
        return getattr(output, "logits", output)


class Doubled(Scores):
    """The same with a softmax on top."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return F.softmax(super().forward(*args, **kwargs), dim=-1)  # the softmax


LINE = next(n for n, line in enumerate(Path(__file__).read_text().splitlines(), 1) if line.endswith("# the softmax"))


def assert_seen_through(model: nn.Module, inputs: Any) -> None:
    clean = verify(Scores(model), F.cross_entropy, (inputs, Y))
    assert str(clean) == "CLEAN: 1 loss checked, chain complete"
    found = [
        each for each in verify(Doubled(model), F.cross_entropy, (inputs, Y)).findings if each.rule == "double-softmax"
    ]
    assert [(Path(each.path).name, each.line, each.verdict) for each in found] == [
        (Path(__file__).name, LINE, "PROVED")
    ]


@pytest.mark.parametrize("name", IMAGES)
def test_models_of_images(name: str) -> None:
    timm = pytest.importorskip("timm")
    model = timm.create_model(name, num_classes=3)
    assert_seen_through(model, torch.randn(4, *model.default_cfg["input_size"]))


@pytest.mark.parametrize("name", TEXTS)
def test_models_of_texts(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    settings = transformers.CONFIG_MAPPING[name]()
    for key, value in SMALL.items():
        with contextlib.suppress(AttributeError, NotImplementedError):  # computed from others
            getattr(settings, key)
            setattr(settings, key, value)
    model = transformers.AutoModelForSequenceClassification.from_config(settings)
    tokens = torch.randint(3, 50, (4, 12), generator=torch.Generator().manual_seed(0))
    tokens[:, -1] = 2
    assert_seen_through(model, {"input_ids": tokens})
