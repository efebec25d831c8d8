#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "tensor_file/stored_tensor.h"

namespace tempera {

// What a file of tensors holds.
struct TensorFileContents {
  NamedTensors tensors;  // in the order of the file's bytes or, of a pickle, as it lists them
  std::vector<std::pair<std::string, std::string>> metadata;
};

// A file of named tensors: safetensors, what torch.save writes (a zip archive or the older form),
// or the index of several such files (*.index.json). The form is told by the content, which must be
// JSON in a .json. All of its structure is
// checked by open(), so that every tensor's bytes are there; values stay in the mapped file where
// they lie there in order. The file must not be cut short by others while its tensors are in use.
class TensorFile {
 public:
  // not_found: no such file; data_loss: a file that is truncated, contradicts itself, is a git-lfs
  // pointer or wants to run code; unsupported: a form or dtype that is not read;
  // resource_exhausted: more than its readers' limits.
  static Result<TensorFile> open(const std::string& path);
  TensorFile(TensorFile&&) = default;
  TensorFile& operator=(TensorFile&&) = default;

  const std::string& path() const { return path_; }
  // Names as stored. They hold their bytes by themselves and may outlive this object.
  const NamedTensors& tensors() const { return contents_.tensors; }
  // Null when there is none of that name; valid until this object goes, also when it is moved.
  const StoredTensor* find(std::string_view name) const;
  // Texts that a safetensors file carries; other forms have none.
  const std::vector<std::pair<std::string, std::string>>& metadata() const {
    return contents_.metadata;
  }

 private:
  TensorFile(std::string path, TensorFileContents contents);
  std::string path_;
  TensorFileContents contents_;
  std::unordered_map<std::string_view, const StoredTensor*> by_name_;  // into contents_
};

}  // namespace tempera
