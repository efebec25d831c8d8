#include <map>
#include <string>

#include "base/text.h"
#include "tensor_file/pickle/read.h"
#include "tensor_file/torch/tensors.h"
#include "tensor_file/torch/torch_file.h"

namespace tempera::torch {
namespace {

using namespace std::string_view_literals;
using pickle::Document;
using pickle::Kind;
using pickle::Value;

// 0x1950a86a20f9469cfc6c as a pickle stores it.
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr int64_t kProtocol = 1001;
constexpr uint64_t kCopyBytes = uint64_t{64} << 20;

using Storages = std::map<std::string_view, Storage>;

Error cut_short(std::string_view path, std::string_view key) {
  return error(ErrorCode::data_loss,
               "{}: ends inside its storage {}; the file is cut short, download it again", path,
               quote(key));
}

// The element sizes of the storages that tensors are views of.
std::map<std::string_view, int64_t> element_sizes(const Document& document) {
  std::map<std::string_view, int64_t> sizes;
  for (const Value& value : document.values)
    if (const auto id = storage_id(document, value))
      if (const auto bytes = element_bytes(id->type)) sizes.emplace(id->key, *bytes);
  return sizes;
}

// Each is its number of elements in 8 bytes, then they.
Result<Storages> find_storages(const FileBytes& file, size_t at, const Document& keys,
                               const std::map<std::string_view, int64_t>& sizes) {
  Storages storages;
  for (const pickle::ValueId id : keys[keys.root].items) {
    const std::string_view key = keys[id].text;
    const auto size = sizes.find(key);
    if (size == sizes.end())
      return error(ErrorCode::data_loss, "{}: has a storage {} that no tensor is a view of",
                   file.path, quote(key));
    const auto rest = file.bytes.subspan(at);
    if (rest.size() < 8) return cut_short(file.path, key);
    uint64_t count = 0;
    for (size_t i = 8; i-- > 0;) count = count << 8 | static_cast<uint8_t>(rest[i]);
    if (count > (rest.size() - 8) / static_cast<uint64_t>(size->second))
      return cut_short(file.path, key);
    const uint64_t bytes = count * static_cast<uint64_t>(size->second);
    storages[key] = {rest.subspan(8, bytes), file.owner, file.file};
    at += 8 + bytes;
  }
  return storages;
}

// The storage, or the part of it that a view in the older form asks for.
Result<Storage> find_storage(const Storages& storages, const StorageId& id) {
  const auto found = storages.find(id.key);
  if (found == storages.end())
    return error(ErrorCode::data_loss, "the file lacks its storage {}", quote(id.key));
  Storage storage = found->second;
  const auto size = static_cast<uint64_t>(element_bytes(id.type).value_or(1));
  if (id.view_offset > storage.bytes.size() / size)
    return error(ErrorCode::data_loss, "a view begins behind the end of storage {}", quote(id.key));
  storage.bytes = storage.bytes.subspan(id.view_offset * size);
  return storage;
}

// Reads the next pickle and moves on.
Result<Document> next(const FileBytes& file, size_t& at) {
  ASSIGN_OR_RETURN(Document document, pickle::read(file.bytes.subspan(at), file.path));
  at += document.bytes;
  return document;
}

Status check_machine(const Document& machine, std::string_view path) {
  const Value* little = find(machine, machine[machine.root], "little_endian");
  if (little == nullptr || little->kind != Kind::boolean || little->integer == 1) return {};
  return error(ErrorCode::unsupported, "{}: was saved on a big-endian machine", path);
}

}  // namespace

Result<TensorFileContents> read_legacy(const FileBytes& file) {
  size_t at = 0;
  ASSIGN_OR_RETURN(const Document magic, next(file, at));
  if (magic[magic.root].text != kMagic)
    return error(ErrorCode::unsupported,
                 "{}: is a Python pickle, but not one that torch saved; save it with torch.save",
                 file.path);
  ASSIGN_OR_RETURN(const Document protocol, next(file, at));
  if (protocol[protocol.root].integer != kProtocol)
    return error(ErrorCode::unsupported, "{}: torch's format {} is not known, only {}", file.path,
                 protocol[protocol.root].integer, kProtocol);
  ASSIGN_OR_RETURN(const Document machine, next(file, at));
  TRY(check_machine(machine, file.path));
  ASSIGN_OR_RETURN(const Document document, next(file, at));
  ASSIGN_OR_RETURN(const Document keys, next(file, at));
  ASSIGN_OR_RETURN(const Storages storages, find_storages(file, at, keys, element_sizes(document)));
  return read_tensors(
      document, [&](const StorageId& id) { return find_storage(storages, id); },
      file.bytes.size() + kCopyBytes, file.path);
}

}  // namespace tempera::torch
