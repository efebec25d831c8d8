#include "tensor_file/pickle/document.h"

namespace tempera::pickle {

const Value* find(const Document& document, const Value& dict, std::string_view key) {
  if (dict.kind != Kind::dict && dict.kind != Kind::object) return nullptr;
  for (size_t i = dict.items.size() / 2; i-- > 0;) {
    const Value& candidate = document[dict.items[2 * i]];
    if (candidate.kind == Kind::text && candidate.text == key)
      return &document[dict.items[2 * i + 1]];
  }
  return nullptr;
}

std::string class_name(const Document& document, const Value& value) {
  const bool is_object = value.kind == Kind::object && value.callable != kNoValue;
  const Value& named = is_object ? document[value.callable] : value;
  if (named.kind != Kind::global) return "";
  return std::string(named.module) + "." + std::string(named.text);
}

}  // namespace tempera::pickle
