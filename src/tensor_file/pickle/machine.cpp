#include "tensor_file/pickle/machine.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "tensor_file/pickle/calls.h"
#include "tensor_file/pickle/opcodes.h"
#include "tensor_file/pickle/read.h"

namespace tempera::pickle {
namespace {

bool is_named(const Value& value, std::string_view module, std::string_view name) {
  return value.kind == Kind::global && value.module == module && value.text == name;
}

// [[key, value], ...] as key, value, ...; nothing if it is not that.
std::vector<ValueId> flatten_pairs(const Document& document, const Value& pairs) {
  std::vector<ValueId> items;
  for (const ValueId pair : pairs.items) {
    if (document[pair].items.size() != 2) return {};
    items.insert(items.end(), document[pair].items.begin(), document[pair].items.end());
  }
  return items;
}

}  // namespace

Error Machine::bad(std::string_view problem) const {
  return error(ErrorCode::data_loss, "{}: the pickle {} at byte {}; download the file again",
               where_, problem, at_);
}

Result<Document> Machine::run() && {
  while (!stopped_) {
    ASSIGN_OR_RETURN(const uint64_t opcode, number(1));
    TRY(run_opcode(static_cast<uint8_t>(opcode), *this));
  }
  document_.bytes = at_;
  return std::move(document_);
}

Result<uint64_t> Machine::number(size_t bytes) {
  ASSIGN_OR_RETURN(const std::string_view text, take(bytes));
  uint64_t value = 0;
  for (size_t i = text.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(text[i]);
  return value;
}

Result<std::string_view> Machine::take(uint64_t size) {
  if (size > bytes_.size() - at_) return bad("breaks off");
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_, size);
  at_ += size;
  return text;
}

Result<std::string_view> Machine::line() {
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_,
                              bytes_.size() - at_);
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return bad("breaks off in a line");
  at_ += end + 1;
  return rest.substr(0, end);
}

Result<ValueId> Machine::make(Value value) {
  if (document_.values.size() == kMaxValues)
    return error(ErrorCode::resource_exhausted,
                 "{}: the pickle has more than the {} values that are read", where_, kMaxValues);
  document_.values.push_back(std::move(value));
  return static_cast<ValueId>(document_.values.size() - 1);
}

Status Machine::push(ValueId id) {
  if (stack_.size() == kMaxValues)
    return error(ErrorCode::resource_exhausted,
                 "{}: the pickle has more than the {} values that are read", where_, kMaxValues);
  stack_.push_back(id);
  return {};
}

Status Machine::push(Value value) {
  ASSIGN_OR_RETURN(const ValueId id, make(std::move(value)));
  return push(id);
}

Status Machine::push_text(std::string text) {
  document_.texts.push_back(std::move(text));
  return push(Value{.kind = Kind::text, .text = document_.texts.back()});
}

Result<std::vector<ValueId>> Machine::take_top(size_t count) {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() < floor + count) return bad("takes more values than it has");
  std::vector<ValueId> taken(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return taken;
}

Result<ValueId> Machine::take_top() {
  ASSIGN_OR_RETURN(const std::vector<ValueId> taken, take_top(1));
  return taken[0];
}

Result<std::vector<ValueId>> Machine::take_above_mark() {
  if (marks_.empty()) return bad("asks for a mark that it has not set");
  ASSIGN_OR_RETURN(std::vector<ValueId> taken, take_top(stack_.size() - marks_.back()));
  marks_.pop_back();
  return taken;
}

Status Machine::pop() {
  const bool is_mark = !marks_.empty() && marks_.back() == stack_.size();
  if (is_mark) return pop_mark();
  ASSIGN_OR_RETURN([[maybe_unused]] const ValueId dropped, take_top());
  return {};
}

Status Machine::duplicate() {
  ASSIGN_OR_RETURN(const ValueId top, take_top());
  TRY(push(top));
  return push(top);
}

Status Machine::mark() {
  if (marks_.size() == kMaxValues) return bad("sets too many marks");
  marks_.push_back(stack_.size());
  return {};
}

Status Machine::pop_mark() {
  ASSIGN_OR_RETURN([[maybe_unused]] const std::vector<ValueId> dropped, take_above_mark());
  return {};
}

Status Machine::stop() {
  ASSIGN_OR_RETURN(document_.root, take_top());
  stopped_ = true;
  return {};
}

Status Machine::collect(Kind kind) {
  ASSIGN_OR_RETURN(std::vector<ValueId> items, take_above_mark());
  if (kind == Kind::dict && items.size() % 2 != 0) return bad("has a dict's key without its value");
  return push(Value{.kind = kind, .items = std::move(items)});
}

Status Machine::collect(Kind kind, size_t count) {
  ASSIGN_OR_RETURN(std::vector<ValueId> items, take_top(count));
  return push(Value{.kind = kind, .items = std::move(items)});
}

Status Machine::fill(ValueId container, const std::vector<ValueId>& added) {
  TRY(push(container));
  Value& value = document_.values[container];
  if (value.kind == Kind::other) return {};
  if (value.kind != Kind::list && value.kind != Kind::dict && value.kind != Kind::object)
    return bad("adds to a value that is no container");
  if (value.kind == Kind::dict && added.size() % 2 != 0)
    return bad("has a dict's key without its value");
  value.items.insert(value.items.end(), added.begin(), added.end());
  return {};
}

Status Machine::add() {
  ASSIGN_OR_RETURN(const std::vector<ValueId> added, take_above_mark());
  ASSIGN_OR_RETURN(const ValueId container, take_top());
  return fill(container, added);
}

Status Machine::add(size_t count) {
  ASSIGN_OR_RETURN(const std::vector<ValueId> added, take_top(count));
  ASSIGN_OR_RETURN(const ValueId container, take_top());
  return fill(container, added);
}

Status Machine::get(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) return bad("asks for a value that it has not remembered");
  return push(found->second);
}

Status Machine::put(uint64_t index) {
  ASSIGN_OR_RETURN(const ValueId top, take_top());
  if (memo_.size() == kMaxValues) return bad("remembers too many values");
  memo_[index] = top;
  return push(top);
}

Status Machine::global(std::string_view module, std::string_view name) {
  return push(Value{.kind = Kind::global, .text = name, .module = module});
}

Status Machine::global_from_stack() {
  ASSIGN_OR_RETURN(const std::vector<ValueId> names, take_top(2));
  const Value &module = document_[names[0]], &name = document_[names[1]];
  if (module.kind != Kind::text || name.kind != Kind::text)
    return bad("names a class by something that is no text");
  return global(module.text, name.text);
}

Status Machine::persistent() {
  ASSIGN_OR_RETURN(const ValueId id, take_top());
  return push(Value{.kind = Kind::persistent, .items = {id}});
}

Status Machine::check_callable(ValueId callable) const {
  const Value& value = document_[callable];
  if (value.kind == Kind::global && is_harmless_call(value.module, value.text)) return {};
  const std::string called =
      value.kind == Kind::global ? class_name(document_, value) : "something that it has made";
  return error(ErrorCode::data_loss,
               "{}: the pickle calls {}, which no model needs; a program may hide in this file, "
               "take one from elsewhere",
               where_, quote(called));
}

Status Machine::push_call(ValueId callable, ValueId arguments) {
  const Value& called = document_[callable];
  const Value& given = document_[arguments];
  const Value* first = given.items.empty() ? nullptr : &document_[given.items[0]];
  if (is_named(called, "collections", "OrderedDict"))
    return push(Value{
        .kind = Kind::dict,
        .items = first == nullptr ? std::vector<ValueId>() : flatten_pairs(document_, *first)});
  if (is_named(called, "collections", "defaultdict")) return push(Value{.kind = Kind::dict});
  if (is_named(called, "torch", "Size") && first != nullptr)
    return push(Value{.kind = Kind::tuple, .items = first->items});
  return push(Value{.kind = Kind::object, .callable = callable, .arguments = arguments});
}

Status Machine::call() {
  ASSIGN_OR_RETURN(const std::vector<ValueId> operands, take_top(2));
  TRY(check_callable(operands[0]));
  return push_call(operands[0], operands[1]);
}

Status Machine::call_with_keywords() {
  ASSIGN_OR_RETURN([[maybe_unused]] const ValueId keywords, take_top());
  return call();
}

Status Machine::call_from_mark() {
  ASSIGN_OR_RETURN(std::vector<ValueId> operands, take_above_mark());
  if (operands.empty()) return bad("calls nothing");
  TRY(check_callable(operands[0]));
  const ValueId callable = operands[0];
  operands.erase(operands.begin());
  ASSIGN_OR_RETURN(const ValueId arguments,
                   make({.kind = Kind::tuple, .items = std::move(operands)}));
  return push_call(callable, arguments);
}

Status Machine::call_from_mark(std::string_view module, std::string_view name) {
  ASSIGN_OR_RETURN(std::vector<ValueId> operands, take_above_mark());
  ASSIGN_OR_RETURN(const ValueId callable,
                   make({.kind = Kind::global, .text = name, .module = module}));
  TRY(check_callable(callable));
  ASSIGN_OR_RETURN(const ValueId arguments,
                   make({.kind = Kind::tuple, .items = std::move(operands)}));
  return push_call(callable, arguments);
}

Status Machine::set_state() {
  ASSIGN_OR_RETURN(const ValueId state, take_top());
  ASSIGN_OR_RETURN(const ValueId object, take_top());
  if (document_[object].kind == Kind::object) document_.values[object].state = state;
  return push(object);
}

}  // namespace tempera::pickle
