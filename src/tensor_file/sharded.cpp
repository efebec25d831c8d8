#include "tensor_file/sharded.h"

#include <filesystem>
#include <map>

#include "base/json.h"
#include "base/text.h"

namespace tempera {
namespace {

constexpr size_t kMaxShards = 4096;

using Shards = std::map<std::string, TensorFile>;

Result<const TensorFile*> open_shard(Shards& shards, const std::string& name,
                                     const std::string& index) {
  const auto found = shards.find(name);
  if (found != shards.end()) return &found->second;
  const std::filesystem::path file(name);
  if (name.empty() || file.filename() != file || name == ".." || name.ends_with(".json") ||
      name.find('\0') != std::string::npos)
    return error(ErrorCode::data_loss, "{}: names {} as a file of weights beside it", index,
                 quote(name));
  if (shards.size() == kMaxShards)
    return error(ErrorCode::resource_exhausted, "{}: names more than the {} files that are read",
                 index, kMaxShards);
  const std::string path = (std::filesystem::path(index).parent_path() / file).string();
  ASSIGN_OR_RETURN(TensorFile opened, TensorFile::open(path));
  return &shards.emplace(name, std::move(opened)).first->second;
}

}  // namespace

Result<TensorFileContents> read_sharded(std::string_view index, const std::string& path) {
  ASSIGN_OR_RETURN(const Json json, parse_json(index, path));
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object())
    return error(ErrorCode::data_loss,
                 "{}: is neither a file of tensors nor an index of such files, which has a "
                 "weight_map",
                 path);
  Shards shards;
  TensorFileContents contents;
  for (const auto& [name, file] : map->items()) {
    const std::string where = fmt::format("{}: weight_map", path);
    ASSIGN_OR_RETURN(const std::string file_name, get<std::string>(*map, name, where));
    ASSIGN_OR_RETURN(const TensorFile* shard, open_shard(shards, file_name, path));
    const StoredTensor* tensor = shard->find(name);
    if (tensor == nullptr)
      return error(ErrorCode::data_loss, "{}: tensor {} is missing, which {} says is there",
                   shard->path(), quote(name), path);
    contents.tensors.emplace_back(name, *tensor);
  }
  return contents;
}

}  // namespace tempera
