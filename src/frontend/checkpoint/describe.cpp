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

PartDescription describe_file(std::string name, const TensorFile& file) {
  PartDescription part{.name = std::move(name), .file = file.path(), .tensors = file.tensors()};
  std::error_code ignored;
  part.file_bytes = static_cast<int64_t>(std::filesystem::file_size(file.path(), ignored));
  part.dtypes = count_dtypes(part.tensors);
  for (const auto& [tensor_name, tensor] : part.tensors)
    if (is_float(tensor.dtype)) part.parameters += element_count(tensor.shape);
  return part;
}

Result<Description> describe_checkpoint(const std::string& path) {
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, open_checkpoint(path));
  ASSIGN_OR_RETURN(std::string family, recognise_family(checkpoint));
  Description description{
      .path = path, .family = std::move(family), .pipeline_class = checkpoint.pipeline_class};
  for (const PartFolder& folder : checkpoint.parts) {
    ASSIGN_OR_RETURN(const std::string path, choose_weights_file(folder.part, folder.folder));
    ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
    description.parts.push_back(describe_file(std::string(name(folder.part)), file));
    description.parts.back().class_name = folder.class_name;
  }
  return description;
}

}  // namespace

Result<Description> describe(const std::string& path) {
  if (std::error_code ignored;
      !path.ends_with(".safetensors") || std::filesystem::is_directory(path, ignored))
    return describe_checkpoint(path);
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  Description description{.path = path, .family = "unknown"};
  description.parts.push_back(describe_file("file", file));
  return description;
}

}  // namespace tempera::frontend
