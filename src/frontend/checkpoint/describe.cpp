#include "frontend/checkpoint/describe.h"

#include <array>
#include <filesystem>
#include <map>

#include "frontend/checkpoint/checkpoint.h"
#include "tensor_file/tensor_file.h"

namespace tempera::frontend {
namespace {

std::vector<DTypeCount> count_dtypes(const NamedTensors& tensors) {
  std::map<DType, DTypeCount> counts;
  for (const auto& [name, tensor] : tensors) {
    DTypeCount& count = counts[tensor.dtype];
    count.dtype = tensor.dtype;
    ++count.tensors;
    count.bytes += size_in_bytes(tensor);
  }
  std::vector<DTypeCount> result;
  for (const auto& [dtype, count] : counts) result.push_back(count);
  return result;
}

PartDescription describe_file(std::string name, const std::string& path,
                              const NamedTensors& tensors) {
  PartDescription part{.name = std::move(name), .file = path, .tensors = tensors};
  std::error_code ignored;
  part.file_bytes = static_cast<int64_t>(std::filesystem::file_size(path, ignored));
  part.dtypes = count_dtypes(part.tensors);
  for (const auto& [tensor_name, tensor] : part.tensors)
    if (is_float(tensor.dtype)) part.parameters += element_count(tensor.shape);
  return part;
}

// A whole file under its own names; one that holds several parts, a part at a time under module
// names.
Result<PartDescription> describe_part(const Checkpoint& checkpoint, const PartSource& source) {
  ASSIGN_OR_RETURN(const std::string path, weights_file(checkpoint, source.part));
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  PartDescription part = describe_file(std::string(name(source.part)), path, file.tensors());
  if (!source.file.empty()) {
    ASSIGN_OR_RETURN(const auto weights, open_weights(checkpoint, source.part));
    part = describe_file(std::string(name(source.part)), path, weights->tensors());
  }
  part.class_name = source.class_name;
  return part;
}

Result<Description> describe_checkpoint(const Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(std::string family, recognise_family(checkpoint));
  Description description{.path = checkpoint.path,
                          .family = std::move(family),
                          .pipeline_class = checkpoint.pipeline_class};
  for (const PartSource& source : checkpoint.parts) {
    ASSIGN_OR_RETURN(PartDescription part, describe_part(checkpoint, source));
    description.parts.push_back(std::move(part));
  }
  return description;
}

}  // namespace

Result<Description> describe(const std::string& path, const CheckpointOptions& options) {
  const Result<Checkpoint> checkpoint = open_checkpoint(path, options);
  if (checkpoint.ok()) return describe_checkpoint(*checkpoint);
  // A file of another kind: a LoRA, an embedding, results of this program.
  const bool may_be_other = checkpoint.error().code == ErrorCode::not_found ||
                            checkpoint.error().code == ErrorCode::invalid_argument;
  if (std::error_code ignored; !may_be_other || !std::filesystem::is_regular_file(path, ignored))
    return checkpoint.error();
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  Description description{.path = path, .family = "unknown"};
  description.parts.push_back(describe_file("file", path, file.tensors()));
  return description;
}

}  // namespace tempera::frontend
