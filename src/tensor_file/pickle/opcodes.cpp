#include "tensor_file/pickle/opcodes.h"

#include <array>
#include <bit>
#include <charconv>
#include <string>

#include "tensor_file/pickle/machine.h"
#include "tensor_file/pickle/unescape.h"

namespace tempera::pickle {
namespace {

Status integer(Machine& m, size_t bytes) {
  ASSIGN_OR_RETURN(const uint64_t value, m.number(bytes));
  return m.push({.kind = Kind::integer, .integer = static_cast<int64_t>(value)});
}

Status signed_integer(Machine& m) {
  ASSIGN_OR_RETURN(const uint64_t value, m.number(4));
  return m.push({.kind = Kind::integer, .integer = static_cast<int32_t>(value)});
}

// Little-endian two's complement of as many bytes as a number of `size_bytes` bytes says.
Status long_integer(Machine& m, size_t size_bytes) {
  ASSIGN_OR_RETURN(const uint64_t size, m.number(size_bytes));
  ASSIGN_OR_RETURN(const std::string_view digits, m.take(size));
  if (digits.size() > sizeof(int64_t)) return m.push({.kind = Kind::other, .text = digits});
  uint64_t value = !digits.empty() && (digits.back() & 0x80) != 0 ? ~uint64_t{0} : 0;
  for (size_t i = digits.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(digits[i]);
  return m.push({.kind = Kind::integer, .integer = static_cast<int64_t>(value)});
}

Status real(Machine& m) {
  ASSIGN_OR_RETURN(const uint64_t little, m.number(8));
  return m.push({.kind = Kind::real, .real = std::bit_cast<double>(__builtin_bswap64(little))});
}

// Protocol 0 writes numbers as lines of text.
Status integer_line(Machine& m) {
  ASSIGN_OR_RETURN(std::string_view text, m.line());
  if (text == "00" || text == "01")
    return m.push({.kind = Kind::boolean, .integer = text == "01" ? 1 : 0});
  if (text.ends_with('L')) text.remove_suffix(1);
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc::result_out_of_range) return m.push({.kind = Kind::other});
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return m.bad("has a number that is none");
  return m.push({.kind = Kind::integer, .integer = value});
}

Status real_line(Machine& m) {
  ASSIGN_OR_RETURN(const std::string_view text, m.line());
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return m.bad("has a number that is none");
  return m.push({.kind = Kind::real, .real = value});
}

Status text(Machine& m, size_t size_bytes) {
  ASSIGN_OR_RETURN(const uint64_t size, m.number(size_bytes));
  ASSIGN_OR_RETURN(const std::string_view taken, m.take(size));
  return m.push({.kind = Kind::text, .text = taken});
}

Status text_line(Machine& m) {
  ASSIGN_OR_RETURN(const std::string_view escaped, m.line());
  return m.push_text(unescape_unicode(escaped));
}

Status string_line(Machine& m) {
  ASSIGN_OR_RETURN(const std::string_view quoted, m.line());
  const auto plain = unescape_string(quoted);
  if (!plain) return m.bad("has a text without its quotes");
  return m.push_text(*plain);
}

Status bytes(Machine& m, size_t size_bytes) {
  ASSIGN_OR_RETURN(const uint64_t size, m.number(size_bytes));
  ASSIGN_OR_RETURN(const std::string_view taken, m.take(size));
  return m.push({.kind = Kind::other, .text = taken});
}

Status skip(Machine& m, size_t count) {
  ASSIGN_OR_RETURN([[maybe_unused]] const std::string_view skipped, m.take(count));
  return {};
}

Status protocol(Machine& m) {
  ASSIGN_OR_RETURN(const uint64_t version, m.number(1));
  return version <= 5 ? Status() : Status(m.bad("is of a protocol after 5"));
}

Status get(Machine& m, size_t bytes) {
  ASSIGN_OR_RETURN(const uint64_t index, m.number(bytes));
  return m.get(index);
}

Status put(Machine& m, size_t bytes) {
  ASSIGN_OR_RETURN(const uint64_t index, m.number(bytes));
  return m.put(index);
}

Result<uint64_t> index_line(Machine& m) {
  ASSIGN_OR_RETURN(const std::string_view text, m.line());
  uint64_t index = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), index);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return m.bad("remembers a value under a number that is none");
  return index;
}

Status get_line(Machine& m) {
  ASSIGN_OR_RETURN(const uint64_t index, index_line(m));
  return m.get(index);
}

Status put_line(Machine& m) {
  ASSIGN_OR_RETURN(const uint64_t index, index_line(m));
  return m.put(index);
}

Status global(Machine& m) {
  ASSIGN_OR_RETURN(const std::string_view module, m.line());
  ASSIGN_OR_RETURN(const std::string_view name, m.line());
  return m.global(module, name);
}

Status instance(Machine& m) {
  ASSIGN_OR_RETURN(const std::string_view module, m.line());
  ASSIGN_OR_RETURN(const std::string_view name, m.line());
  return m.call_from_mark(module, name);
}

Status persistent_line(Machine& m) {
  ASSIGN_OR_RETURN(const std::string_view id, m.line());
  TRY(m.push({.kind = Kind::text, .text = id}));
  return m.persistent();
}

Status from_registry(Machine& m) { return m.bad("uses Python's extension registry"); }

struct Opcode {
  uint8_t code;
  Status (*run)(Machine&);
};

// By protocol, in the order of Python's pickletools.
constexpr auto kOpcodes = std::to_array<Opcode>({
    {'I', integer_line},
    {'L', integer_line},
    {'S', string_line},
    {'N', [](Machine& m) { return m.push({.kind = Kind::none}); }},
    {'V', text_line},
    {'F', real_line},
    {'a', [](Machine& m) { return m.add(1); }},
    {'l', [](Machine& m) { return m.collect(Kind::list); }},
    {'t', [](Machine& m) { return m.collect(Kind::tuple); }},
    {'d', [](Machine& m) { return m.collect(Kind::dict); }},
    {'s', [](Machine& m) { return m.add(2); }},
    {'0', [](Machine& m) { return m.pop(); }},
    {'2', [](Machine& m) { return m.duplicate(); }},
    {'(', [](Machine& m) { return m.mark(); }},
    {'g', get_line},
    {'p', put_line},
    {'c', global},
    {'R', [](Machine& m) { return m.call(); }},
    {'b', [](Machine& m) { return m.set_state(); }},
    {'i', instance},
    {'.', [](Machine& m) { return m.stop(); }},
    {'P', persistent_line},

    {'J', signed_integer},
    {'K', [](Machine& m) { return integer(m, 1); }},
    {'M', [](Machine& m) { return integer(m, 2); }},
    {'T', [](Machine& m) { return text(m, 4); }},
    {'U', [](Machine& m) { return text(m, 1); }},
    {'X', [](Machine& m) { return text(m, 4); }},
    {'G', real},
    {']', [](Machine& m) { return m.collect(Kind::list, 0); }},
    {'e', [](Machine& m) { return m.add(); }},
    {')', [](Machine& m) { return m.collect(Kind::tuple, 0); }},
    {'}', [](Machine& m) { return m.collect(Kind::dict, 0); }},
    {'u', [](Machine& m) { return m.add(); }},
    {'1', [](Machine& m) { return m.pop_mark(); }},
    {'h', [](Machine& m) { return get(m, 1); }},
    {'j', [](Machine& m) { return get(m, 4); }},
    {'q', [](Machine& m) { return put(m, 1); }},
    {'r', [](Machine& m) { return put(m, 4); }},
    {'o', [](Machine& m) { return m.call_from_mark(); }},
    {'Q', [](Machine& m) { return m.persistent(); }},

    {0x80, protocol},
    {0x81, [](Machine& m) { return m.call(); }},
    {0x82, from_registry},
    {0x83, from_registry},
    {0x84, from_registry},
    {0x85, [](Machine& m) { return m.collect(Kind::tuple, 1); }},
    {0x86, [](Machine& m) { return m.collect(Kind::tuple, 2); }},
    {0x87, [](Machine& m) { return m.collect(Kind::tuple, 3); }},
    {0x88, [](Machine& m) { return m.push({.kind = Kind::boolean, .integer = 1}); }},
    {0x89, [](Machine& m) { return m.push({.kind = Kind::boolean, .integer = 0}); }},
    {0x8a, [](Machine& m) { return long_integer(m, 1); }},
    {0x8b, [](Machine& m) { return long_integer(m, 4); }},

    {'B', [](Machine& m) { return bytes(m, 4); }},
    {'C', [](Machine& m) { return bytes(m, 1); }},

    {0x8c, [](Machine& m) { return text(m, 1); }},
    {0x8d, [](Machine& m) { return text(m, 8); }},
    {0x8e, [](Machine& m) { return bytes(m, 8); }},
    {0x8f, [](Machine& m) { return m.push({.kind = Kind::other}); }},  // a set
    {0x90, [](Machine& m) { return m.add(); }},
    {0x91, [](Machine& m) { return m.collect(Kind::other); }},
    {0x92, [](Machine& m) { return m.call_with_keywords(); }},
    {0x93, [](Machine& m) { return m.global_from_stack(); }},
    {0x94, [](Machine& m) { return m.memoize(); }},
    {0x95, [](Machine& m) { return skip(m, 8); }},  // a frame's length

    {0x96, [](Machine& m) { return bytes(m, 8); }},
    {0x97, [](Machine& m) { return m.push({.kind = Kind::other}); }},  // a buffer elsewhere
    {0x98, [](Machine&) { return Status(); }},
});

constexpr std::array<Status (*)(Machine&), 256> by_code() {
  std::array<Status (*)(Machine&), 256> table{};
  for (const Opcode& row : kOpcodes) table[row.code] = row.run;
  return table;
}

constexpr auto kByCode = by_code();

}  // namespace

Status run_opcode(uint8_t opcode, Machine& machine) {
  if (kByCode[opcode] == nullptr) return machine.bad("has a byte that is no opcode");
  return kByCode[opcode](machine);
}

}  // namespace tempera::pickle
