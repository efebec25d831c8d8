#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "tensor_file/pickle/read.h"
#include "tensor_file/torch/tensors.h"
#include "tensor_file/torch/torch_file.h"
#include "tensor_file/torch/zip.h"

namespace tempera::torch {
namespace {

constexpr std::string_view kPickle = "data.pkl";
constexpr uint64_t kUnpackRatio = 20, kUnpackBytes = uint64_t{64} << 20;

class Archive {
 public:
  static Result<Archive> open(const FileBytes& file);
  Result<Storage> pickle();
  Result<Storage> storage(const StorageId& id);
  Status check_byte_order() const;

 private:
  explicit Archive(const FileBytes& file) : file_(file) {}
  const ZipEntry* find(const std::string& name) const;
  Result<Storage> bytes_of(const ZipEntry& entry, uint64_t limit) const;

  FileBytes file_;
  std::map<std::string, ZipEntry> entries_;
  std::string folder_;  // with its slash
  std::map<std::string, Storage, std::less<>> unpacked_;
  uint64_t unpack_left_ = 0;
};

Result<Archive> Archive::open(const FileBytes& file) {
  Archive archive(file);
  archive.unpack_left_ = kUnpackRatio * file.bytes.size() + kUnpackBytes;
  ASSIGN_OR_RETURN(std::vector<ZipEntry> entries, read_zip(file.bytes, file.path));
  bool has_pickle = false;
  for (ZipEntry& entry : entries) {
    const std::string name = entry.name;
    const bool is_pickle = name == kPickle || name.ends_with("/" + std::string(kPickle));
    if (is_pickle && !has_pickle) archive.folder_ = name.substr(0, name.size() - kPickle.size());
    has_pickle = has_pickle || is_pickle;
    if (!archive.entries_.emplace(name, std::move(entry)).second)
      return error(ErrorCode::data_loss, "{}: {} is in this zip archive twice", file.path,
                   quote(name));
  }
  if (!has_pickle)
    return error(ErrorCode::unsupported,
                 "{}: a zip archive without data.pkl is not a model that torch saved; unzip it if "
                 "the model is inside",
                 file.path);
  return archive;
}

const ZipEntry* Archive::find(const std::string& name) const {
  const auto found = entries_.find(folder_ + name);
  return found == entries_.end() ? nullptr : &found->second;
}

Result<Storage> Archive::bytes_of(const ZipEntry& entry, uint64_t limit) const {
  if (!entry.is_deflated) return Storage{entry.packed, file_.owner, file_.file};
  ASSIGN_OR_RETURN(std::vector<std::byte> bytes, unpack(entry, limit, file_.path));
  const auto kept = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return Storage{*kept, kept, nullptr};
}

Result<Storage> Archive::pickle() {
  return bytes_of(*find(std::string(kPickle)), pickle::kMaxBytes);
}

Result<Storage> Archive::storage(const StorageId& id) {
  if (const auto found = unpacked_.find(id.key); found != unpacked_.end()) return found->second;
  const ZipEntry* entry = find("data/" + std::string(id.key));
  if (entry == nullptr)
    return error(ErrorCode::data_loss, "the archive lacks its storage {}", quote(id.key));
  ASSIGN_OR_RETURN(Storage storage, bytes_of(*entry, unpack_left_));
  if (entry->is_deflated) unpack_left_ -= entry->size;
  return unpacked_.emplace(id.key, std::move(storage)).first->second;
}

Status Archive::check_byte_order() const {
  const ZipEntry* order = find("byteorder");
  if (order == nullptr || order->is_deflated || order->packed.size() != 3) return {};
  return error(ErrorCode::unsupported, "{}: was saved on a big-endian machine", file_.path);
}

}  // namespace

Result<TensorFileContents> read_archive(const FileBytes& file) {
  ASSIGN_OR_RETURN(Archive archive, Archive::open(file));
  TRY(archive.check_byte_order());
  ASSIGN_OR_RETURN(const Storage pickled, archive.pickle());
  ASSIGN_OR_RETURN(const pickle::Document document, pickle::read(pickled.bytes, file.path));
  const auto find_storage = [&](const StorageId& id) { return archive.storage(id); };
  return read_tensors(document, find_storage, file.bytes.size() + kUnpackBytes, file.path);
}

}  // namespace tempera::torch
