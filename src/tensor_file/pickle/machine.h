#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "tensor_file/pickle/document.h"

namespace tempera::pickle {

// Python's pickle machine, with its stack, marks and memo, that makes descriptions instead of
// objects. One call for each opcode, most of them for several.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::string_view where)
      : bytes_(bytes), where_(where) {}
  Result<Document> run() &&;

  // Parts of the pickle after the opcode, which move on. data_loss when it ends before.
  Result<uint64_t> number(size_t bytes);  // little-endian
  Result<std::string_view> take(uint64_t size);
  Result<std::string_view> line();  // without its '\n'

  Status push(ValueId id);
  Status push(Value value);
  Status push_text(std::string text);  // one that does not stand in the pickle
  Status pop();
  Status duplicate();
  Status mark();
  Status pop_mark();
  Status stop();

  // New containers of what lies above the mark, or of the uppermost `count` values.
  Status collect(Kind kind);
  Status collect(Kind kind, size_t count);
  // Moves values above the mark, or the uppermost `count`, into the container below them.
  Status add();
  Status add(size_t count);

  Status get(uint64_t index);
  Status put(uint64_t index);
  Status memoize() { return put(memo_.size()); }

  Status global(std::string_view module, std::string_view name);
  Status global_from_stack();
  Status persistent();
  Status call();                // callable, arguments
  Status call_with_keywords();  // class, arguments, keywords
  Status call_from_mark();      // class and arguments above the mark
  Status call_from_mark(std::string_view module, std::string_view name);
  Status set_state();

  Error bad(std::string_view problem) const;

 private:
  Result<ValueId> take_top();
  Result<std::vector<ValueId>> take_top(size_t count);
  Result<std::vector<ValueId>> take_above_mark();
  Result<ValueId> make(Value value);
  Status push_call(ValueId callable, ValueId arguments);
  Status fill(ValueId container, const std::vector<ValueId>& added);
  Status check_callable(ValueId callable) const;

  const std::span<const std::byte> bytes_;
  const std::string_view where_;
  size_t at_ = 0;
  Document document_;
  std::vector<ValueId> stack_;
  std::vector<size_t> marks_;  // the stack's sizes when they were set
  std::unordered_map<uint64_t, ValueId> memo_;
  bool stopped_ = false;
};

}  // namespace tempera::pickle
