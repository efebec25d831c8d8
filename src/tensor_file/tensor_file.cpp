#include "tensor_file/tensor_file.h"

#include "tensor_file/git_lfs.h"
#include "tensor_file/safetensors.h"

namespace tempera {

Result<TensorFile> TensorFile::open(const std::string& path) {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  TRY(refuse_lfs_pointer(file->bytes(), path));
  ASSIGN_OR_RETURN(TensorFileContents contents, read_safetensors(file));
  return TensorFile(path, std::move(contents));
}

TensorFile::TensorFile(std::string path, TensorFileContents contents)
    : path_(std::move(path)), contents_(std::move(contents)) {
  by_name_.reserve(contents_.tensors.size());
  for (const auto& [name, tensor] : contents_.tensors) by_name_.emplace(name, &tensor);
}

const StoredTensor* TensorFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace tempera
