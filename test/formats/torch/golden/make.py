"""Makes the .pt files of this folder and expected.json, which says what each tensor in them holds.

Needs PyTorch 1.13 (Debian 12: apt-get install python3-torch), 10 GB of memory and 5 GB in the temporary folder:
python3 test/formats/torch/golden/make.py. Keys in the -legacy files are addresses and differ from run to run.
"""

import collections
import hashlib
import json
import os
import pickle
import tempfile

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
expected = {}


def hex_of(tensor):
    """The elements in C order as bytes; a view as bytes works for every type."""
    storage = tensor.detach().contiguous().clone().storage().untyped()
    return bytes(storage.tolist()).hex()


def save(name, value, tensors, **options):
    torch.save(value, os.path.join(HERE, name), **options)
    expected[name] = {
        key: {"dtype": str(t.dtype), "shape": list(t.shape), "stride": list(t.stride()), "bytes": hex_of(t)}
        for key, t in tensors.items()
    }


dtypes = collections.OrderedDict()
for dtype in (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
):
    dtypes[str(dtype)] = torch.arange(-3, 3).to(dtype).reshape(2, 3)
dtypes["torch.bool"] = torch.tensor([[True, False, True], [False, False, True]])
dtypes["empty"] = torch.zeros(0, 4)
dtypes["scalar"] = torch.tensor(1.5)
save("dtypes.pt", dtypes, dtypes)

base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
views = {
    "whole": base,
    "rows": base[1:3],
    "columns": base[:, 2:5],
    "transposed": base.t(),
    "every.second": base[::2, ::3],
    "expanded": torch.tensor([[7.0], [8.0]]).expand(2, 3),
    "last": base[3, 5],
    "none": base[4:],
}
save("views.pt", views, views)
save("views-legacy.pt", views, views, _use_new_zipfile_serialization=False)

module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
with torch.no_grad():
    for index, weight in enumerate(module.state_dict().values()):
        weight.fill_(index)
# The state_dict() of a module has `_metadata`, its parameters() have gradients.
state = module.state_dict()
save("state-dict.pt", state, state)
parameters = collections.OrderedDict(module.named_parameters())
trainer = {"model": parameters, "epoch": 3, "rate": 0.5, "note": None, "args": {"layers": [1, 2]}}
save("trainer.pt", trainer, parameters)
save("trainer-legacy.pt", trainer, parameters, _use_new_zipfile_serialization=False)

# On the meta device a tensor has a shape and no data.
meta = collections.OrderedDict(own=torch.arange(4.0), meta=torch.empty(2, 3, dtype=torch.bfloat16, device="meta"))
meta["parameter"] = torch.nn.Parameter(torch.empty(5, device="meta"), requires_grad=False)
save("meta.pt", meta, {"own": meta["own"]})

metadata = {
    "parameters": {"a.weight": {"tensor_model_parallel": True, "partition_dim": 0, "big": 2**40, "minus": -5}},
    "list": [1, 2.5, "text", None, True, (1, 2)],
}
save("metadata.pt", metadata, {})

# Python's own way of splitting dicts into batches, and its numbers, for the pickler to be compared with.
batches = {}
for count in (0, 1, 2, 999, 1000, 1001, 2000, 2001):
    plain = {index: index * 1000003 for index in range(count)}
    written = pickle.dumps((plain, collections.OrderedDict(plain)), protocol=2)
    batches[count] = hashlib.sha256(written).hexdigest()

# An archive above 4 GiB without the zeros of its first tensor: what stands before and behind them.
big = collections.OrderedDict()
big["big"] = torch.zeros(2**32 + 100, dtype=torch.uint8)
big["behind"] = torch.ones(3)
big["empty"] = torch.zeros(0)
big["scalar"] = torch.tensor(5.0)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "big.pt")
    torch.save(big, path)
    size = os.path.getsize(path)
    fragments = []
    with open(path, "rb") as file:
        for begin, end in ((0, 576), (576 + 2**32 + 100, size)):
            file.seek(begin)
            fragments.append({"at": begin, "bytes": file.read(end - begin).hex()})
with open(os.path.join(HERE, "big.json"), "w") as file:
    json.dump({"size": size, "fragments": fragments}, file, indent=1)
    file.write("\n")

with open(os.path.join(HERE, "expected.json"), "w") as file:
    json.dump({"files": expected, "batches": batches}, file, indent=1)
    file.write("\n")
