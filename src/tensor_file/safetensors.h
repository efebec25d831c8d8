#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "base/tensor.h"
#include "tensor_file/safetensors_header.h"
#include "tensor_file/tensor_file.h"
#include "tensor_file/tensor_info.h"

namespace tempera {

// A safetensors file, mapped read-only. open() checks all of the header, so that every tensor's
// bytes lie inside the file. The file must not be cut short by others while it is open.
class SafetensorsFile {
 public:
  // Errors of the header: see parse_safetensors_header; and not_found, or data_loss for a git-lfs
  // pointer.
  static Result<SafetensorsFile> open(const std::string& path);
  SafetensorsFile(SafetensorsFile&&) = default;
  SafetensorsFile& operator=(SafetensorsFile&&) = default;

  const std::string& path() const { return file_->path(); }
  const std::vector<TensorInfo>& tensors() const {
    return header_.tensors;
  }  // in the order of their bytes
  std::vector<std::string_view> names() const;  // in the same order
  // Null when there is none of that name. Like tensors(), valid until this object goes, also when
  // it is moved.
  const TensorInfo* find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& metadata() const {
    return header_.metadata;
  }

  // The bytes of one of this file's tensors, of any alignment; valid as long as the file is mapped.
  std::span<const std::byte> bytes(const TensorInfo& info) const;
  // A copy in memory.
  Tensor load(const TensorInfo& info) const;
  // Lets the system drop the tensor's pages until they are touched again.
  void release_pages(const TensorInfo& info) const { file_->release_pages(bytes(info)); }

 private:
  SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header);
  std::shared_ptr<const MappedFile> file_;
  SafetensorsHeader header_;
  std::unordered_map<std::string_view, const TensorInfo*> by_name_;  // into header_
};

// The tensors of a safetensors file; errors of parse_safetensors_header.
Result<TensorFileContents> read_safetensors(const std::shared_ptr<const MappedFile>& file);

// A tensor to be written; `bytes` stays the caller's.
struct TensorView {
  std::string name;
  DType dtype;
  Shape shape;
  std::span<const std::byte> bytes;
};

TensorView view(std::string name, const Tensor& tensor);

// Writes the tensors in the given order, but those with larger elements first, so that each is
// aligned to its elements; the data starts at a multiple of 8. Equal arguments give equal bytes.
// The file appears only when it is complete. invalid_argument: two tensors of one name, or a name
// or metadata text that is not UTF-8.
Status write_safetensors(const std::string& path, std::vector<TensorView> tensors,
                         const std::vector<std::pair<std::string, std::string>>& metadata = {});

}  // namespace tempera
