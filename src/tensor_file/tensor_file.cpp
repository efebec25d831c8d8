#include "tensor_file/tensor_file.h"

#include "tensor_file/git_lfs.h"
#include "tensor_file/safetensors.h"
#include "tensor_file/sharded.h"
#include "tensor_file/torch/torch_file.h"

namespace tempera {
namespace {

using namespace std::string_view_literals;

// A header below 2^48 bytes and its first character, which must be this one.
bool is_safetensors(std::string_view text) {
  return text.size() > kSafetensorsLengthBytes && text.substr(6, 3) == "\0\0{"sv;
}

bool is_zip(std::string_view text) {
  return text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06");
}

// Of protocol 2 to 5.
bool is_pickle(std::string_view text) {
  return text.size() > 1 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
}

Result<TensorFileContents> read_any(const std::shared_ptr<const MappedFile>& file) {
  const std::span<const std::byte> bytes = file->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const torch::FileBytes torch_file{bytes, file, file, file->path()};
  if (is_safetensors(text)) return read_safetensors(file);
  if (is_zip(text)) return torch::read_archive(torch_file);
  if (is_pickle(text)) return torch::read_legacy(torch_file);
  if (text.starts_with("GGUF"))
    return error(ErrorCode::unsupported,
                 "{}: GGUF files are not supported; take the model as safetensors", file->path());
  if (file->path().ends_with(".json")) return read_sharded(text, file->path());
  if (text.empty() || file->path().ends_with(".safetensors")) return read_safetensors(file);
  return error(ErrorCode::data_loss,
               "{}: is neither a safetensors file nor one that torch saved; is the download "
               "complete?",
               file->path());
}

}  // namespace

Result<TensorFile> TensorFile::open(const std::string& path) {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  TRY(refuse_lfs_pointer(file->bytes(), path));
  ASSIGN_OR_RETURN(TensorFileContents contents, read_any(file));
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
