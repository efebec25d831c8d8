#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tempera::pickle {

// A value in a Document. Values may hold one another in circles.
using ValueId = uint32_t;
inline constexpr ValueId kNoValue = UINT32_MAX;

enum class Kind : uint8_t {
  none,
  boolean,  // integer 0 or 1
  integer,  // beyond 64 bits: other
  real,
  text,
  tuple,       // items
  list,        // items
  dict,        // items: key, value, key, value, ...
  global,      // module, text: the name in it
  persistent,  // items: [the id]; of torch a tuple that describes a storage
  object,      // what a call of `callable` with `arguments` would give, never made
  other,       // bytes, sets, large integers: nothing in them is looked at
};

struct Value {
  Kind kind = Kind::other;
  int64_t integer = 0;
  double real = 0;
  std::string_view text;
  std::string_view module;
  std::vector<ValueId> items;  // of an object: what was put into it, in a dict's or a list's way
  ValueId callable = kNoValue;
  ValueId arguments = kNoValue;
  ValueId state = kNoValue;  // of an object: its attributes, most often a dict
};

// What a pickle describes. Texts lie in the pickle's bytes or in `texts`.
struct Document {
  std::deque<Value> values;
  std::deque<std::string> texts;
  ValueId root = kNoValue;
  size_t bytes = 0;  // of the pickle; others may follow in the same file

  const Value& operator[](ValueId id) const { return values[id]; }
};

// The value that a dict, or an object that was filled like one, has for a text; the last one, as in
// Python; null when there is none.
const Value* find(const Document& document, const Value& dict, std::string_view key);
// "module.name" of a global, or of an object's class; "" of others.
std::string class_name(const Document& document, const Value& value);

}  // namespace tempera::pickle
