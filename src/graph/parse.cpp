#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/text.h"
#include "graph/infer.h"
#include "graph/text.h"

namespace tempera::graph {

namespace {

constexpr int64_t kMaxElements = int64_t{1}
                                 << 40;  // of a value: keeps products of extents in range
constexpr int64_t kMaxLiteralBytes = int64_t{1} << 30;  // of one literal

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' ||
         c == '+';
}

// The words and signs of one line.
class Line {
 public:
  Line(std::string_view text, int number) : rest_(text), number_(number) { skip_blanks(); }

  template <typename... Args>
  Error fault(fmt::format_string<Args...> format, Args&&... args) const {
    return {ErrorCode::invalid_argument,
            fmt::format("line {}: ", number_) + fmt::format(format, std::forward<Args>(args)...)};
  }
  bool done() const { return rest_.empty() || rest_.starts_with("//"); }
  bool take(std::string_view sign) {
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    skip_blanks();
    return true;
  }
  Status expect(std::string_view sign) {
    if (!take(sign)) return fault("expected '{}' before {}", sign, quote(rest_, 24));
    return {};
  }
  // Letters, digits and _.+- ; empty if the line goes on with something else.
  std::string_view word() {
    size_t size = 0;
    while (size < rest_.size() && is_word(rest_[size])) ++size;
    std::string_view result = rest_.substr(0, size);
    rest_.remove_prefix(size);
    skip_blanks();
    return result;
  }
  bool at_quote() const { return rest_.starts_with('"'); }
  Result<std::string> quoted() {
    TRY(expect_no_skip('"'));
    std::string result;
    while (!rest_.empty() && rest_[0] != '"') {
      ASSIGN_OR_RETURN(char c, character());
      result += c;
    }
    TRY(expect("\""));
    return result;
  }
  std::string_view rest() const { return rest_; }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\r'))
      rest_.remove_prefix(1);
  }
  Status expect_no_skip(char sign) {
    if (!rest_.starts_with(sign)) return fault("expected '{}' before {}", sign, quote(rest_, 24));
    rest_.remove_prefix(1);
    return {};
  }
  Result<char> character() {
    char c = rest_[0];
    rest_.remove_prefix(1);
    if (c != '\\') return c;
    if (rest_.empty()) return fault("text ends in a backslash");
    c = rest_[0];
    rest_.remove_prefix(1);
    if (c != 'x') return c;
    unsigned byte = 0;
    auto [end, status] =
        std::from_chars(rest_.data(), rest_.data() + std::min<size_t>(2, rest_.size()), byte, 16);
    if (status != std::errc() || end != rest_.data() + 2)
      return fault("\\x needs two hexadecimal digits");
    rest_.remove_prefix(2);
    return static_cast<char>(byte);
  }

  std::string_view rest_;
  int number_;
};

template <typename T>
Result<T> number(Line& line, std::string_view word) {
  T value{};
  auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (status != std::errc() || end != word.data() + word.size() || word.empty())
    return line.fault("{} is not a number", quote(word, 24));
  return value;
}

Result<std::vector<int64_t>> integers(Line& line, std::string_view open, std::string_view close) {
  TRY(line.expect(open));
  std::vector<int64_t> list;
  while (!line.take(close)) {
    if (!list.empty()) TRY(line.expect(","));
    ASSIGN_OR_RETURN(int64_t value, number<int64_t>(line, line.word()));
    list.push_back(value);
  }
  return list;
}

Result<DType> dtype(Line& line) {
  std::string_view word = line.word();
  auto dtype = dtype_from_name(word);
  if (!dtype) return line.fault("{} is no dtype", quote(word, 24));
  return *dtype;
}

// f32[2,3] layout(0,1)
Result<Value> type(Line& line) {
  Value value;
  ASSIGN_OR_RETURN(value.dtype, dtype(line));
  ASSIGN_OR_RETURN(value.shape, integers(line, "[", "]"));
  int64_t count = 1;
  for (int64_t extent : value.shape) {
    if (extent < 0 || (extent > 0 && count > kMaxElements / extent))
      return line.fault("extents {} are negative or too large", to_string(value.shape));
    count *= std::max<int64_t>(extent, 1);
  }
  if (!line.take("layout")) return value;
  ASSIGN_OR_RETURN(auto order, integers(line, "(", ")"));
  value.layout.order.assign(order.begin(), order.end());
  std::sort(order.begin(), order.end());
  for (int64_t d = 0; d < std::ssize(order); ++d)
    if (order[d] != d) return line.fault("the layout does not permute the dimensions");
  if (order.size() != value.shape.size())
    return line.fault("the layout does not permute the dimensions");
  return value;
}

Result<AttributeValue> attribute_value(Line& line, const AttributeValue& like) {
  if (std::holds_alternative<int64_t>(like)) {
    ASSIGN_OR_RETURN(int64_t value, number<int64_t>(line, line.word()));
    return AttributeValue(value);
  }
  if (std::holds_alternative<double>(like)) {
    ASSIGN_OR_RETURN(double value, number<double>(line, line.word()));
    return AttributeValue(value);
  }
  if (std::holds_alternative<DType>(like)) {
    ASSIGN_OR_RETURN(DType value, dtype(line));
    return AttributeValue(value);
  }
  if (std::holds_alternative<std::string>(like)) {
    ASSIGN_OR_RETURN(std::string value, line.quoted());
    return AttributeValue(std::move(value));
  }
  ASSIGN_OR_RETURN(auto list, integers(line, "[", "]"));
  return AttributeValue(std::move(list));
}

Result<Attributes> attributes(Line& line, const OpRow& op) {
  Attributes result;
  if (!line.take("{")) return result;
  for (bool first = true; !line.take("}"); first = false) {
    if (!first) TRY(line.expect(","));
    std::string_view name = line.word();
    auto at = std::find_if(op.attributes.begin(), op.attributes.end(),
                           [&](const AttributeRow& r) { return r.name == name; });
    if (at == op.attributes.end())
      return line.fault("{} has no attribute {}", op.name, quote(name, 24));
    TRY(line.expect("="));
    ASSIGN_OR_RETURN(AttributeValue value, attribute_value(line, at->fallback));
    result.set(std::string(name), std::move(value));
  }
  return result;
}

template <typename T>
Status parse_element(Line& line, Tensor& tensor, int64_t i) {
  ASSIGN_OR_RETURN(T value, number<T>(line, line.word()));
  tensor.as<T>()[i] = value;
  return {};
}

Status parse_half(Line& line, Tensor& tensor, int64_t i) {
  ASSIGN_OR_RETURN(float value, number<float>(line, line.word()));
  tensor.as<uint16_t>()[i] = tensor.dtype == DType::f16 ? f32_to_f16(value) : f32_to_bf16(value);
  return {};
}

Status element(Line& line, Tensor& tensor, int64_t i) {
  switch (tensor.dtype) {
    case DType::f64:
      return parse_element<double>(line, tensor, i);
    case DType::f32:
      return parse_element<float>(line, tensor, i);
    case DType::f16:
    case DType::bf16:
      return parse_half(line, tensor, i);
    case DType::i64:
      return parse_element<int64_t>(line, tensor, i);
    case DType::i32:
      return parse_element<int32_t>(line, tensor, i);
    case DType::i8:
      return parse_element<int8_t>(line, tensor, i);
    case DType::u8:
      return parse_element<uint8_t>(line, tensor, i);
    case DType::boolean: {
      TRY(parse_element<uint8_t>(line, tensor, i));
      if (tensor.as<uint8_t>()[i] > 1) return line.fault("a bool is 0 or 1");
      return {};
    }
  }
  return {};
}

Result<Tensor> elements(Line& line, const Value& value) {
  if (element_count(value.shape) * size_in_bytes(value.dtype) > kMaxLiteralBytes)
    return line.fault("a literal of {} {}", to_string(value.shape), name(value.dtype));
  Tensor tensor(value.dtype, value.shape);
  TRY(line.expect("{"));
  int64_t count = 0;
  while (!line.take("}")) {
    if (count > 0) TRY(line.expect(","));
    if (count >= tensor.size()) return line.fault("more than {} elements", tensor.size());
    TRY(element(line, tensor, count++));
  }
  if (count == tensor.size()) return tensor;
  if (count != 1) return line.fault("{} elements for {}", count, to_string(value.shape));
  for (size_t i = size_in_bytes(value.dtype); i < tensor.data.size(); ++i)
    tensor.data[i] = tensor.data[i - size_in_bytes(value.dtype)];
  return tensor;
}

class Parser {
 public:
  Status statement(Line& line) {
    if (line.take("output ")) return output(line);
    ASSIGN_OR_RETURN(auto names, result_names(line));
    TRY(line.expect("="));
    std::string_view op = line.word();
    size_t first = graph_.values().size();
    TRY(op == "input" ? input(line) : op == "literal" ? literal(line) : node(line, op));
    TRY(end(line));
    if (graph_.values().size() - first != names.size())
      return line.fault("{} results named, {} made", names.size(), graph_.values().size() - first);
    for (size_t i = 0; i < names.size(); ++i) {
      auto id = static_cast<ValueId>(first + i);
      if (!ids_.emplace(names[i], id).second) return line.fault("%{} is written twice", names[i]);
    }
    return {};
  }
  Graph take() { return std::move(graph_); }

 private:
  Result<std::vector<std::string>> result_names(Line& line) {
    std::vector<std::string> names;
    do {
      TRY(line.expect("%"));
      names.emplace_back(line.word());
    } while (line.take(","));
    return names;
  }

  Result<ValueId> operand(Line& line) {
    if (line.take("_")) return kAbsent;
    TRY(line.expect("%"));
    std::string name(line.word());
    auto at = ids_.find(name);
    if (at == ids_.end()) return line.fault("%{} is read before it is written", name);
    return at->second;
  }

  Result<std::vector<ValueId>> operands(Line& line) {
    TRY(line.expect("("));
    std::vector<ValueId> result;
    while (!line.take(")")) {
      if (!result.empty()) TRY(line.expect(","));
      ASSIGN_OR_RETURN(ValueId id, operand(line));
      result.push_back(id);
    }
    return result;
  }

  Result<std::string> optional_name(Line& line) {
    if (!line.at_quote()) return std::string();
    return line.quoted();
  }

  Status input(Line& line) {
    ASSIGN_OR_RETURN(std::string name, optional_name(line));
    ASSIGN_OR_RETURN(Value value, type(line));
    TRY(line.expect("@"));
    std::string_view rate = line.word();
    for (Rate r : {Rate::constant, Rate::load, Rate::picture, Rate::prompt, Rate::step})
      if (graph::name(r) == rate) {
        graph_.add_input(std::move(name), value.dtype, value.shape, r, value.layout);
        return {};
      }
    return line.fault("{} is no rate; these are: load, picture, prompt, step", quote(rate, 24));
  }

  Status literal(Line& line) {
    ASSIGN_OR_RETURN(Value value, type(line));
    ASSIGN_OR_RETURN(Tensor tensor, elements(line, value));
    graph_.set_layout(graph_.add_literal(std::move(tensor)), value.layout);
    return {};
  }

  Status node(Line& line, std::string_view op_name) {
    auto op = op_from_name(op_name);
    if (!op) return line.fault("{} is no op", quote(op_name, 24));
    ASSIGN_OR_RETURN(auto inputs, operands(line));
    ASSIGN_OR_RETURN(auto given, attributes(line, row(*op)));
    std::vector<const Value*> types;
    types.reserve(inputs.size());
    for (ValueId id : inputs) types.push_back(id == kAbsent ? nullptr : &graph_.value(id));
    auto inferred = infer(*op, given, types);
    if (!inferred.ok()) return line.fault("{}", inferred.error().message);
    auto outputs = graph_.add(*op, std::move(inputs), given);
    if (!line.take(":")) return {};
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (i > 0) TRY(line.expect(","));
      TRY(stated_type(line, outputs[i]));
    }
    return {};
  }

  Status stated_type(Line& line, ValueId id) {
    ASSIGN_OR_RETURN(Value stated, type(line));
    const Value& value = graph_.value(id);
    if (stated.dtype != value.dtype || stated.shape != value.shape)
      return line.fault("the result is {}{}, not {}{}", name(value.dtype), to_string(value.shape),
                        name(stated.dtype), to_string(stated.shape));
    graph_.set_layout(id, stated.layout);
    return {};
  }

  Status output(Line& line) {
    ASSIGN_OR_RETURN(std::string name, optional_name(line));
    ASSIGN_OR_RETURN(ValueId id, operand(line));
    if (id == kAbsent) return line.fault("an output needs a value");
    graph_.add_output(std::move(name), id);
    return end(line);
  }

  // The origin, if any, and the end of the line.
  Status end(Line& line) {
    std::vector<std::string> origin;
    if (line.take("#")) {
      do {
        if (line.at_quote()) {
          ASSIGN_OR_RETURN(std::string name, line.quoted());
          origin.push_back(std::move(name));
        } else {
          origin.emplace_back(line.word());
        }
      } while (line.take(","));
    }
    if (!line.done()) return line.fault("unexpected {}", quote(line.rest(), 24));
    if (!origin.empty()) {
      NodeId producer = graph_.values().back().producer;
      if (producer < 0) return line.fault("a graph input has no origin");
      graph_.add_origin(producer, origin);
    }
    return {};
  }

  Graph graph_;
  std::map<std::string, ValueId> ids_;
};

}  // namespace

Result<Graph> parse(std::string_view text) {
  Parser parser;
  enum { before, inside, after } place = before;
  for (int number = 1; !text.empty(); ++number) {
    size_t end = std::min(text.find('\n'), text.size());
    Line line(text.substr(0, end), number);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.done()) continue;
    if (place == after) return line.fault("unexpected {} after the graph", quote(line.rest(), 24));
    if (place == before) {
      TRY(line.expect("graph"));
      TRY(line.expect("{"));
      place = inside;
    } else if (line.take("}")) {
      place = after;
    } else {
      TRY(parser.statement(line));
    }
  }
  if (place != after)
    return error(ErrorCode::invalid_argument, "the text ends before the graph's closing brace");
  return parser.take();
}

}  // namespace tempera::graph
