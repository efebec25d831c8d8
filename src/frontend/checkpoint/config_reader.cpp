#include "frontend/checkpoint/config_reader.h"

#include <utility>

#include "base/text.h"

namespace tempera::frontend {
namespace {

constexpr size_t kMaxEntries = 64;

}  // namespace

ConfigReader::ConfigReader(const Json& json, std::string file)
    : json_(json), file_(std::move(file)) {
  require(json.is_object(), ErrorCode::data_loss, "expected an object");
}

void ConfigReader::keep(const Error& error) {
  if (status_.ok()) status_ = error;
}

void ConfigReader::require(bool condition, ErrorCode code, std::string message) {
  if (!condition) keep({code, file_ + ": " + std::move(message)});
}

const Json* ConfigReader::field(std::string_view key) const {
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(std::string_view key) const { return field(key) != nullptr; }

template <typename T>
T ConfigReader::read(std::string_view key, T fallback) {
  if (!status_.ok()) return fallback;
  Result<T> value = get_or<T>(json_, key, fallback, file_);
  if (value.ok()) return std::move(value).value();
  keep(value.error());
  return fallback;
}

int64_t ConfigReader::integer(std::string_view key, int64_t fallback, int64_t least, int64_t most) {
  const int64_t value = read<int64_t>(key, fallback);
  if (value >= least && value <= most) return value;
  require(false, ErrorCode::data_loss,
          fmt::format("field '{}' is {}, expected {} to {}", key, value, least, most));
  return fallback;
}

double ConfigReader::number(std::string_view key, double fallback) {
  return read<double>(key, fallback);
}
bool ConfigReader::boolean(std::string_view key, bool fallback) {
  return read<bool>(key, fallback);
}
std::string ConfigReader::text(std::string_view key, std::string fallback) {
  return read<std::string>(key, std::move(fallback));
}

template <typename T>
std::vector<T> ConfigReader::read_list(std::string_view key, std::vector<T> fallback) {
  const Json* list = field(key);
  if (list == nullptr || !status_.ok()) return fallback;
  if (!list->is_array()) return {read<T>(key, T{})};
  require(
      !list->empty() && list->size() <= kMaxEntries, ErrorCode::data_loss,
      fmt::format("field '{}' has {} entries, expected 1 to {}", key, list->size(), kMaxEntries));
  if (!status_.ok()) return fallback;
  std::vector<T> values;
  for (const Json& entry : *list) {
    Result<T> value = get<T>(Json{{key, entry}}, key, file_);
    if (!value.ok()) {
      keep(value.error());
      return fallback;
    }
    values.push_back(*value);
  }
  return values;
}

std::vector<int64_t> ConfigReader::integers(std::string_view key, std::vector<int64_t> fallback) {
  std::vector<int64_t> values = read_list<int64_t>(key, fallback);
  for (const int64_t value : values) {
    if (value >= 1 && value <= kMaxExtent) continue;
    require(false, ErrorCode::data_loss,
            fmt::format("field '{}' holds {}, expected 1 to {}", key, value, kMaxExtent));
    return fallback;
  }
  return values;
}

std::vector<bool> ConfigReader::booleans(std::string_view key, std::vector<bool> fallback) {
  return read_list<bool>(key, std::move(fallback));
}

std::vector<std::string> ConfigReader::texts(std::string_view key,
                                             std::vector<std::string> fallback) {
  return read_list<std::string>(key, std::move(fallback));
}

template <typename T>
std::vector<T> ConfigReader::per_block(std::string_view key, std::vector<T> values, size_t blocks) {
  const Json* list = field(key);
  if (list == nullptr || !list->is_array()) return std::vector<T>(blocks, values.front());
  require(values.size() == blocks, ErrorCode::data_loss,
          fmt::format("field '{}' has {} entries for {} blocks", key, values.size(), blocks));
  values.resize(blocks, values.front());
  return values;
}

std::vector<int64_t> ConfigReader::integer_per_block(std::string_view key, int64_t fallback,
                                                     size_t blocks) {
  return per_block(key, integers(key, {fallback}), blocks);
}

std::vector<bool> ConfigReader::boolean_per_block(std::string_view key, bool fallback,
                                                  size_t blocks) {
  return per_block(key, booleans(key, {fallback}), blocks);
}

void ConfigReader::refuse_present(std::string_view key, std::string_view what) {
  const Json* found = field(key);
  if (found == nullptr) return;
  const std::string shown = found->is_string()
                                ? quote(found->get<std::string>())
                                : quote(found->dump(-1, ' ', true, Json::error_handler_t::replace));
  require(false, ErrorCode::unsupported,
          fmt::format("field '{}' is {}: {} is not supported yet", key, shown, what));
}

void ConfigReader::require_text(std::string_view key, std::string_view only,
                                std::string_view what) {
  const std::string value = text(key, std::string(only));
  require(value == only, ErrorCode::unsupported,
          fmt::format("field '{}' is {}: {} is not supported yet, only '{}'", key, quote(value),
                      what, only));
}

void ConfigReader::require_false(std::string_view key, std::string_view what) {
  require(!boolean(key, false), ErrorCode::unsupported,
          fmt::format("field '{}' is true: {} is not supported yet", key, what));
}

}  // namespace tempera::frontend
