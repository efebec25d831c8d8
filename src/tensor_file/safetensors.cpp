#include "tensor_file/safetensors.h"

#include "tensor_file/git_lfs.h"

namespace tempera {

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  TRY(refuse_lfs_pointer(file->bytes(), path));
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   parse_safetensors_header(file->bytes(), file->bytes().size(), path));
  return SafetensorsFile(std::move(file), std::move(header));
}

SafetensorsFile::SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header)
    : file_(std::move(file)), header_(std::move(header)) {
  by_name_.reserve(header_.tensors.size());
  for (const TensorInfo& info : header_.tensors) by_name_.emplace(info.name, &info);
}

std::vector<std::string_view> SafetensorsFile::names() const {
  std::vector<std::string_view> names;
  names.reserve(tensors().size());
  for (const TensorInfo& info : tensors()) names.push_back(info.name);
  return names;
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::span<const std::byte> SafetensorsFile::bytes(const TensorInfo& info) const {
  const std::span<const std::byte> all = file_->bytes();
  CHECK(info.begin <= info.end && info.end <= all.size(), "tensor '{}' is not of {}", info.name,
        path());
  return all.subspan(info.begin, info.end - info.begin);
}

Tensor SafetensorsFile::load(const TensorInfo& info) const {
  const std::span<const std::byte> data = bytes(info);
  Tensor tensor;
  tensor.dtype = info.dtype;
  tensor.shape = info.shape;
  tensor.data.assign(data.begin(), data.end());
  return tensor;
}

Result<TensorFileContents> read_safetensors(const std::shared_ptr<const MappedFile>& file) {
  const std::span<const std::byte> all = file->bytes();
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   parse_safetensors_header(all, all.size(), file->path()));
  TensorFileContents contents{.metadata = std::move(header.metadata)};
  for (TensorInfo& info : header.tensors) {
    StoredTensor tensor{.dtype = info.dtype,
                        .shape = std::move(info.shape),
                        .bytes = all.subspan(info.begin, info.end - info.begin),
                        .owner = file,
                        .file = file};
    contents.tensors.emplace_back(std::move(info.name), std::move(tensor));
  }
  return contents;
}

}  // namespace tempera
