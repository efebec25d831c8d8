#include "diffusion/prompt/attention_grammar.h"

#include <algorithm>
#include <optional>

#include "diffusion/prompt/whole_word.h"

namespace tempera::diffusion {
namespace {

constexpr double kRound = 1.1, kSquare = 1 / 1.1;
constexpr std::string_view kBreak = "BREAK";

// A ":number)" that a text begins with.
struct ExplicitWeight {
  double weight;
  size_t size;  // of it all, the bracket too
};

std::optional<ExplicitWeight> explicit_weight(std::string_view text) {
  const size_t end = text.find_first_not_of(" \t\n\v\f\r+-.0123456789", 1);
  if (end == std::string_view::npos || text[end] != ')') return {};
  const std::optional<double> weight =
      parse_decimal(trim_back(trim_front(text.substr(1, end - 1))));
  if (!weight) return {};
  return ExplicitWeight{*weight, end + 1};
}

class Parser {
 public:
  std::vector<WeightedText> parse(std::string_view text) {
    while (!text.empty()) text.remove_prefix(take(text));
    while (close(round_, kRound)) continue;
    while (close(square_, kSquare)) continue;
    return merged();
  }

 private:
  using Opened = std::vector<size_t>;  // the first run in each open bracket

  // Reads what the text begins with; its size.
  size_t take(std::string_view text) {
    switch (text[0]) {
      case '\\':
        return escape(text);
      case '(':
        round_.push_back(runs_.size());
        return 1;
      case '[':
        square_.push_back(runs_.size());
        return 1;
      case ')':
        if (!close(round_, kRound)) literal(")");
        return 1;
      case ']':
        if (!close(square_, kSquare)) literal("]");
        return 1;
      case ':':
        return colon(text);
      default:
        break;
    }
    const size_t end = std::min(text.find_first_of("\\()[]:"), text.size());
    literal(text.substr(0, end));
    return end;
  }

  size_t escape(std::string_view text) {
    const bool escapes =
        text.size() > 1 && std::string_view("()[]\\").find(text[1]) != std::string_view::npos;
    runs_.push_back({std::string(text.substr(1, escapes ? 1 : 0))});
    return escapes ? 2 : 1;
  }

  size_t colon(std::string_view text) {
    const auto weight = explicit_weight(text);
    if (weight && close(round_, weight->weight)) return weight->size;
    literal(text.substr(0, weight ? weight->size : 1));
    return weight ? weight->size : 1;
  }

  bool close(Opened& opened, double factor) {
    if (opened.empty()) return false;
    for (size_t i = opened.back(); i < runs_.size(); ++i) runs_[i].weight *= factor;
    opened.pop_back();
    return true;
  }

  // White space beside BREAK goes with it.
  void literal(std::string_view text) {
    for (size_t at; (at = find_whole_word(text, kBreak)) != std::string_view::npos;) {
      runs_.push_back({std::string(trim_back(text.substr(0, at)))});
      runs_.push_back({.text = std::string(kBreak), .is_break = true});
      text = trim_front(text.substr(at + kBreak.size()));
    }
    runs_.push_back({std::string(text)});
  }

  std::vector<WeightedText> merged() {
    std::vector<WeightedText> result;
    for (WeightedText& run : runs_) {
      const bool joins = !result.empty() && !run.is_break && !result.back().is_break &&
                         result.back().weight == run.weight;
      if (joins)
        result.back().text += run.text;
      else
        result.push_back(std::move(run));
    }
    if (result.empty()) result.emplace_back();
    return result;
  }

  std::vector<WeightedText> runs_;
  Opened round_, square_;
};

}  // namespace

std::vector<WeightedText> parse_attention(std::string_view text) { return Parser().parse(text); }

}  // namespace tempera::diffusion
