#include "base/json.h"

#include <limits>
#include <unordered_set>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace tempera {
namespace {

constexpr size_t kMaxDepth = 64;

// Builds the value while the text is read, so that depth and duplicates are refused before anything
// grows from them.
class JsonBuilder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return fail("binary values are not JSON"); }
  bool start_object(size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& key) override {
    if (!open_.back().keys.insert(key).second)
      return fail("the key " + quote(key) + " occurs twice in one object");
    key_ = std::move(key);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& exception) override {
    return fail(fmt::format("not valid JSON at byte {}: {}", position, reason(exception.what())));
  }

  Json take() { return std::move(root_); }
  const std::string& failure() const { return failure_; }

 private:
  struct Container {
    Json* json;
    std::unordered_set<std::string>
        keys;  // of an object: a search through `json` would take quadratic time
  };

  // The library's sentence without its prefix and without the text last read, which is unbounded.
  static std::string reason(std::string_view what) {
    if (size_t dash = what.find(" - "); dash != std::string_view::npos)
      what.remove_prefix(dash + 3);
    what = what.substr(0, what.find("; "));
    return std::string(what.substr(0, 100));
  }

  bool fail(std::string message) {
    failure_ = std::move(message);
    return false;
  }

  Json* place(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back().json;
    if (parent.is_array()) return &parent.get_ref<Json::array_t&>().emplace_back(std::move(value));
    Json::object_t::Container& fields = parent.get_ref<Json::object_t&>();
    return &fields.emplace_back(std::move(key_), std::move(value)).second;
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  // A pointer into the parent stays valid: the parent does not grow while its child is open.
  bool open(Json container) {
    if (open_.size() == kMaxDepth)
      return fail(fmt::format("nested deeper than {} levels", kMaxDepth));
    open_.push_back({place(std::move(container)), {}});
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::string key_;
  std::vector<Container> open_;
  std::string failure_;
};

template <typename T>
constexpr std::string_view kTypeName = "";
template <>
constexpr std::string_view kTypeName<bool> = "true or false";
template <>
constexpr std::string_view kTypeName<int64_t> = "a 64-bit integer";
template <>
constexpr std::string_view kTypeName<double> = "a number";
template <>
constexpr std::string_view kTypeName<std::string> = "a string";

template <typename T>
bool holds(const Json& json) {
  if constexpr (std::is_same_v<T, bool>) return json.is_boolean();
  if constexpr (std::is_same_v<T, double>) return json.is_number();
  if constexpr (std::is_same_v<T, std::string>) return json.is_string();
  if constexpr (std::is_same_v<T, int64_t>)
    return json.is_number_integer() &&
           (!json.is_number_unsigned() ||
            json.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
}

template <typename T>
Result<T> read(const Json& field, std::string_view key, std::string_view where) {
  if (holds<T>(field)) return field.get<T>();
  const std::string_view type = field.is_number() ? "another number" : field.type_name();
  return error(ErrorCode::data_loss, "{}: field {} must be {}, not {}", where, quote(key),
               kTypeName<T>, type);
}

Result<const Json*> find_field(const Json& json, std::string_view key, std::string_view where) {
  if (!json.is_object())
    return error(ErrorCode::data_loss, "{}: expected an object with field {}, found {}", where,
                 quote(key), json.type_name());
  const auto field = json.find(key);
  return field == json.end() ? nullptr : &*field;
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view where) {
  // The lexer takes a NUL for the end of the text.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos)
    return error(ErrorCode::data_loss, "{}: not valid JSON at byte {}: a NUL byte", where, nul);
  JsonBuilder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder))
    return error(ErrorCode::data_loss, "{}: {}", where, builder.failure());
  return builder.take();
}

Result<Json> read_json_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path));
  return parse_json(text, path);
}

template <typename T>
Result<T> get(const Json& json, std::string_view key, std::string_view where) {
  ASSIGN_OR_RETURN(const Json* field, find_field(json, key, where));
  if (field == nullptr)
    return error(ErrorCode::not_found, "{}: field {} is missing", where, quote(key));
  return read<T>(*field, key, where);
}

template <typename T>
Result<T> get_or(const Json& json, std::string_view key, T fallback, std::string_view where) {
  ASSIGN_OR_RETURN(const Json* field, find_field(json, key, where));
  if (field == nullptr || field->is_null()) return fallback;
  return read<T>(*field, key, where);
}

template Result<bool> get(const Json&, std::string_view, std::string_view);
template Result<int64_t> get(const Json&, std::string_view, std::string_view);
template Result<double> get(const Json&, std::string_view, std::string_view);
template Result<std::string> get(const Json&, std::string_view, std::string_view);
template Result<bool> get_or(const Json&, std::string_view, bool, std::string_view);
template Result<int64_t> get_or(const Json&, std::string_view, int64_t, std::string_view);
template Result<double> get_or(const Json&, std::string_view, double, std::string_view);
template Result<std::string> get_or(const Json&, std::string_view, std::string, std::string_view);

}  // namespace tempera
