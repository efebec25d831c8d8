#include <algorithm>
#include <cmath>

#include "graph/text.h"

namespace tempera::graph {

namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else if (c == '"' || c == '\\')
      result += {'\\', c};
    else
      result += c;
  }
  return result + '"';
}

bool is_plain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}

// An origin needs quotes only where it is not a plain module path.
std::string word(const std::string& text) {
  bool plain = !text.empty() && std::all_of(text.begin(), text.end(), is_plain);
  return plain ? text : quoted(text);
}

template <typename List>
std::string joined(const List& list) {
  return fmt::format("{}", fmt::join(list, ","));
}

std::string type_text(const Value& value) {
  std::string text = fmt::format("{}[{}]", name(value.dtype), joined(value.shape));
  if (!value.layout.order.empty()) text += fmt::format(" layout({})", joined(value.layout.order));
  return text;
}

// The shortest text that reads back as the same number.
template <typename T>
std::string number(T value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

struct AttributePrinter {
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number(value); }
  std::string operator()(const std::vector<int64_t>& list) const {
    return fmt::format("[{}]", joined(list));
  }
  std::string operator()(DType dtype) const { return std::string(name(dtype)); }
  std::string operator()(const std::string& text) const { return quoted(text); }
};

std::string element_text(const Tensor& tensor, int64_t i) {
  switch (tensor.dtype) {
    case DType::f64:
      return number(tensor.as<double>()[i]);
    case DType::f32:
      return number(tensor.as<float>()[i]);
    case DType::f16:
      return number(f16_to_f32(tensor.as<uint16_t>()[i]));
    case DType::bf16:
      return number(bf16_to_f32(tensor.as<uint16_t>()[i]));
    case DType::i64:
      return std::to_string(tensor.as<int64_t>()[i]);
    case DType::i32:
      return std::to_string(tensor.as<int32_t>()[i]);
    case DType::i8:
      return std::to_string(tensor.as<int8_t>()[i]);
    case DType::u8:
    case DType::boolean:
      return std::to_string(tensor.as<uint8_t>()[i]);
  }
  return {};
}

bool all_elements_equal(const Tensor& tensor) {
  auto step = size_in_bytes(tensor.dtype);
  return std::equal(tensor.data.begin() + std::min<int64_t>(step, std::ssize(tensor.data)),
                    tensor.data.end(), tensor.data.begin());
}

std::string elements_text(const Tensor& tensor, int64_t limit) {
  int64_t count = tensor.size() > 0 && all_elements_equal(tensor) ? 1 : tensor.size();
  if (limit >= 0 && count > limit) return "{...}";
  std::string text = "{";
  for (int64_t i = 0; i < count; ++i) text += (i ? ", " : "") + element_text(tensor, i);
  return text + "}";
}

std::string value_text(ValueId id) { return id == kAbsent ? "_" : fmt::format("%{}", id); }

template <typename List, typename Text>
std::string listed(const List& list, Text text) {
  std::string result;
  for (const auto& item : list) result += (result.empty() ? "" : ", ") + text(item);
  return result;
}

std::string node_text(const Graph& graph, const Node& node, const PrintOptions& options) {
  std::string text = listed(node.outputs, value_text) + " = " + std::string(name(node.op));
  auto type = [&](ValueId id) { return type_text(graph.value(id)); };
  if (node.literal)
    text += " " + type(node.outputs[0]) + " " + elements_text(*node.literal, options.literal_limit);
  else
    text += "(" + listed(node.inputs, value_text) + ")" + print(node.attributes) + " : " +
            listed(node.outputs, type);
  if (options.origins && !node.origin.empty()) text += "  # " + listed(node.origin, word);
  return text;
}

std::string input_text(const Graph& graph, ValueId id, const PrintOptions& options) {
  const Value& value = graph.value(id);
  std::string label = options.names ? quoted(value.name) + " " : "";
  return fmt::format("%{} = input {}{} @{}", id, label, type_text(value), name(value.rate));
}

}  // namespace

std::string print(const Attributes& attributes) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : attributes.all())
    parts.push_back(fmt::format("{}={}", name, std::visit(AttributePrinter{}, value)));
  return parts.empty() ? "" : fmt::format(" {{{}}}", fmt::join(parts, ", "));
}

std::string print(const Graph& graph, const PrintOptions& options) {
  std::string text = "graph {\n";
  for (ValueId id = 0; id < std::ssize(graph.values()); ++id) {
    NodeId producer = graph.value(id).producer;
    if (producer < 0)
      text += "  " + input_text(graph, id, options) + "\n";
    else if (graph.node(producer).outputs[0] == id)
      text += "  " + node_text(graph, graph.node(producer), options) + "\n";
  }
  for (const NamedValue& output : graph.outputs())
    text += fmt::format("  output {}%{}\n", options.names ? quoted(output.name) + " " : "",
                        output.value);
  return text + "}\n";
}

}  // namespace tempera::graph
