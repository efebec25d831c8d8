#include "diffusion/prompt/schedule_grammar.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/check.h"
#include "diffusion/prompt/whole_word.h"

namespace tempera::diffusion {
namespace {

// Bounds the depth of recursion, and the time that texts of unclosed brackets take.
constexpr int64_t kMostBrackets = 1000;

struct Node {
  enum class Kind : uint8_t { text, sequence, change, turns };
  Kind kind = Kind::text;
  std::string text;
  std::vector<Node> parts;  // of a change: from, to
  int64_t last_step = 0;    // of `from`
};

Node text_node(std::string text) { return {.kind = Node::Kind::text, .text = std::move(text)}; }

class Parser {
 public:
  Parser(std::string_view text, int64_t steps, int64_t steps_before)
      : text_(text), steps_(steps), steps_before_(steps_before) {}

  // Up to one of `stops` or the end.
  Node sequence(std::string_view stops) {
    Node result{.kind = Node::Kind::sequence};
    std::string plain;
    while (at_ < text_.size() && stops.find(text_[at_]) == std::string_view::npos) {
      if (std::optional<Node> node = bracketed()) {
        result.parts.push_back(text_node(std::move(plain)));
        result.parts.push_back(std::move(*node));
        plain.clear();
        continue;
      }
      const size_t size = text_[at_] == '\\' && at_ + 1 < text_.size() ? 2 : 1;
      plain += text_.substr(at_, size);
      at_ += size;
    }
    result.parts.push_back(text_node(std::move(plain)));
    return result;
  }

 private:
  // What a bracket here means; none leaves the place as it is. Depends on the place alone, so one
  // that means nothing is not read again.
  std::optional<Node> bracketed() {
    const char c = text_[at_];
    if ((c != '[' && c != '(') || literal_.contains(at_)) return {};
    const size_t begin = at_++;
    std::optional<Node> node = c == '[' ? square() : round();
    if (!node) {
      literal_.insert(begin);
      at_ = begin;
    }
    return node;
  }

  // Round brackets stay; colons and bars in them are theirs.
  std::optional<Node> round() {
    Node inner = sequence(")]");
    if (at_ == text_.size() || text_[at_] != ')') return {};
    ++at_;
    Node result{.kind = Node::Kind::sequence};
    result.parts = {text_node("("), std::move(inner), text_node(")")};
    return result;
  }

  std::optional<Node> square() {
    std::vector<Node> parts = {sequence(":|]")};
    std::string separators;
    while (at_ < text_.size() && text_[at_] != ']') {
      separators += text_[at_++];
      parts.push_back(sequence(":|]"));
    }
    if (at_ == text_.size()) return {};
    ++at_;
    return meaning(std::move(parts), separators);
  }

  std::optional<Node> meaning(std::vector<Node> parts, const std::string& separators) const {
    if (separators.empty()) {
      Node kept{.kind = Node::Kind::sequence};
      kept.parts = {text_node("["), std::move(parts[0]), text_node("]")};
      return kept;
    }
    if (separators.find(':') == std::string::npos)
      return Node{.kind = Node::Kind::turns, .parts = std::move(parts)};
    const std::optional<int64_t> when = step_of(parts.back());
    if ((separators != ":" && separators != "::") || !when) return {};
    Node change{.kind = Node::Kind::change, .last_step = *when};
    change.parts = {separators == "::" ? parts[0] : text_node(""), parts[parts.size() - 2]};
    return change;
  }

  std::optional<int64_t> step_of(const Node& node) const {
    if (node.parts.size() != 1) return {};
    const std::string_view text = trim_back(trim_front(node.parts[0].text));
    const std::optional<double> number = parse_decimal(text);
    if (!number) return {};
    const bool is_part = text.find('.') != std::string_view::npos;
    const auto steps = static_cast<double>(steps_), before = static_cast<double>(steps_before_);
    const double parts_before = steps_before_ > 0 ? 1.0 : 0.0;
    const double when = is_part ? (*number - parts_before) * steps : *number - before;
    return static_cast<int64_t>(std::trunc(std::clamp(when, -1.0, steps)));
  }

  std::string_view text_;
  int64_t steps_, steps_before_;
  size_t at_ = 0;
  std::set<size_t> literal_;  // places of brackets that mean nothing
};

void add_text(const Node& node, int64_t step, std::string& text) {
  switch (node.kind) {
    case Node::Kind::text:
      text += node.text;
      return;
    case Node::Kind::sequence:
      for (const Node& part : node.parts) add_text(part, step, text);
      return;
    case Node::Kind::change:
      return add_text(node.parts[step <= node.last_step ? 0 : 1], step, text);
    case Node::Kind::turns:
      return add_text(node.parts[static_cast<size_t>(step - 1) % node.parts.size()], step, text);
  }
}

}  // namespace

std::vector<ScheduledText> parse_schedule(std::string_view text, int64_t steps,
                                          int64_t steps_before) {
  CHECK(steps >= 1, "a schedule over {} steps", steps);
  const auto opens = [](char c) { return c == '[' || c == '('; };
  if (std::ranges::count_if(text, opens) > kMostBrackets) return {{steps, std::string(text)}};
  const Node node = Parser(text, steps, steps_before).sequence("");
  std::vector<ScheduledText> result;
  for (int64_t step = 1; step <= steps; ++step) {
    std::string now;
    add_text(node, step, now);
    if (!result.empty() && result.back().text == now)
      result.back().last_step = step;
    else
      result.push_back({step, std::move(now)});
  }
  return result;
}

}  // namespace tempera::diffusion
