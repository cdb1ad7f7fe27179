# Read by the walker: what a model with a head returns, and what a Trainer calls; never imported.
# Logits are raw whatever the problem type: the loss inside applies its own activation. Subclasses replace `classifier`.
from torch.nn import Linear, Module
from transformers.modeling_utils import PreTrainedModel, features


class _Output:
    def __init__(self, loss, logits, labelled):
        self.loss = loss
        self.logits = logits
        self._labelled = labelled

    def __getitem__(self, key):
        if key == "logits":
            return self.logits
        if key == "loss":
            return self.loss
        if self._labelled:
            return (self.loss, self.logits, features(), features())[key]
        return (self.logits, features(), features())[key]

    def get(self, key, default=None):
        return self[key]


class _Head(Module, PreTrainedModel):
    def __init__(self, config=None, *args, **kwargs):
        self.classifier = Linear(768, 2)

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        return cls()

    @classmethod
    def from_config(cls, *args, **kwargs):
        return cls()

    def forward(self, *args, **kwargs):
        return _Output(features(), self.classifier(features()), "labels" in kwargs)


class Trainer:
    def __init__(
        self,
        model=None,
        args=None,
        data_collator=None,
        train_dataset=None,
        eval_dataset=None,
        processing_class=None,
        model_init=None,
        compute_loss_func=None,
        **kwargs,
    ):
        self.args = args
        if model is None and model_init is not None:
            model = model_init()
        self.model = model
        self.compute_loss_func = compute_loss_func

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(**inputs)
        loss = features()
        if self.compute_loss_func is not None:
            loss = self.compute_loss_func(outputs, features())
        if return_outputs:
            return loss, outputs
        return loss

    def train(self, *args, **kwargs):
        self.model.train()
        self.compute_loss(self.model, features())


Seq2SeqTrainer = Trainer
AutoModelForSequenceClassification = _Head
AutoModelForTokenClassification = _Head
AutoModelForImageClassification = _Head
AutoModelForAudioClassification = _Head
AutoModelForVideoClassification = _Head
AutoModelForMultipleChoice = _Head
AutoModelForNextSentencePrediction = _Head
AutoModelForSemanticSegmentation = _Head
AutoModelForCausalLM = _Head
AutoModelForMaskedLM = _Head
AutoModelForSeq2SeqLM = _Head
BertForSequenceClassification = _Head
BertForTokenClassification = _Head
RobertaForSequenceClassification = _Head
RobertaForTokenClassification = _Head
XLMRobertaForSequenceClassification = _Head
DistilBertForSequenceClassification = _Head
DistilBertForTokenClassification = _Head
AlbertForSequenceClassification = _Head
ElectraForSequenceClassification = _Head
DebertaForSequenceClassification = _Head
DebertaV2ForSequenceClassification = _Head
ViTForImageClassification = _Head
Wav2Vec2ForSequenceClassification = _Head
GPT2ForSequenceClassification = _Head
GPT2LMHeadModel = _Head
LlamaForCausalLM = _Head
LlamaForSequenceClassification = _Head
BertForMaskedLM = _Head
BertForMultipleChoice = _Head
BertForNextSentencePrediction = _Head
BigBirdForSequenceClassification = _Head
CamembertForSequenceClassification = _Head
ConvBertForSequenceClassification = _Head
DistilBertForMaskedLM = _Head
ElectraForTokenClassification = _Head
FunnelForSequenceClassification = _Head
LongformerForSequenceClassification = _Head
MPNetForSequenceClassification = _Head
MobileBertForSequenceClassification = _Head
ModernBertForSequenceClassification = _Head
NystromformerForSequenceClassification = _Head
RobertaForMaskedLM = _Head
XLMRobertaForTokenClassification = _Head
XLNetForSequenceClassification = _Head
BartForConditionalGeneration = _Head
T5ForConditionalGeneration = _Head
BeitForImageClassification = _Head
ConvNextForImageClassification = _Head
ConvNextV2ForImageClassification = _Head
DeiTForImageClassification = _Head
Dinov2ForImageClassification = _Head
EfficientNetForImageClassification = _Head
MobileViTForImageClassification = _Head
ResNetForImageClassification = _Head
SegformerForImageClassification = _Head
SwinForImageClassification = _Head
Swinv2ForImageClassification = _Head
SegformerForSemanticSegmentation = _Head
UperNetForSemanticSegmentation = _Head
ASTForAudioClassification = _Head
HubertForSequenceClassification = _Head
Wav2Vec2ForCTC = _Head
HubertForCTC = _Head
WhisperForAudioClassification = _Head
WavLMForSequenceClassification = _Head
VideoMAEForVideoClassification = _Head
TimesformerForVideoClassification = _Head
BloomForCausalLM = _Head
GPTNeoXForCausalLM = _Head
GemmaForCausalLM = _Head
MistralForCausalLM = _Head
OPTForCausalLM = _Head
PhiForCausalLM = _Head
Qwen2ForCausalLM = _Head
AutoModelForCTC = _Head
AutoModelForVision2Seq = _Head
