#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "frontend/checkpoint/checkpoint.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::frontend {

struct DTypeCount {
  DType dtype;
  int64_t tensors = 0;
  int64_t bytes = 0;
};

// One weights file: a part of a checkpoint, or a lone file.
struct PartDescription {
  std::string name;        // "text_encoder", "unet", "vae"; "file" for a lone file
  std::string class_name;  // as model_index.json says; may be empty
  std::string file;        // of the weights
  int64_t file_bytes = 0;
  int64_t parameters = 0;          // elements of floating-point tensors
  std::vector<DTypeCount> dtypes;  // in the order of DType
  NamedTensors tensors;            // in the order of the file, by its names
};

struct Description {
  std::string path;
  std::string family;          // as recognise_family, or "unknown" for a lone file
  std::string pipeline_class;  // may be empty
  std::vector<PartDescription> parts;
};

// Of a checkpoint, or of another file of tensors. Every header is read and every offset checked.
// Errors as open_checkpoint, recognise_family and TensorFile::open.
Result<Description> describe(const std::string& path, const CheckpointOptions& options = {});

}  // namespace tempera::frontend
