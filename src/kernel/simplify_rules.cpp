#include "kernel/simplify_rules.h"

#include <array>
#include <cmath>
#include <unordered_map>

#include "base/check.h"
#include "kernel/mutate.h"
#include "kernel/parse.h"

namespace tempera::kernel {
namespace {

using enum Rule::Domain;

constexpr Rule kRules[] = {
    {"x * 1", "x", number},
    {"x / 1", "x", number},
    {"x - 0", "x", number},
    {"min(x, x)", "x", number},
    {"max(x, x)", "x", number},
    {"select(b, x, x)", "x", number},
    {"select(!b, x, y)", "select(b, y, x)", number},
    {"!(x == y)", "x != y", number},
    {"!(x != y)", "x == y", number},
    {"-(-x)", "x", number},

    {"x + 0", "x", integer},
    {"x * 0", "0", integer},
    {"x - x", "0", integer},
    {"x % 1", "0", integer},
    {"x & x", "x", integer},
    {"x & 0", "0", integer},
    {"x | x", "x", integer},
    {"x | 0", "x", integer},
    {"x ^ x", "0", integer},
    {"x ^ 0", "x", integer},
    {"x << 0", "x", integer},
    {"x >> 0", "x", integer},
    {"min(x, min(x, y))", "min(x, y)", integer},
    {"max(x, max(x, y))", "max(x, y)", integer},
    {"min(x, max(x, y))", "x", integer},
    {"max(x, min(x, y))", "x", integer},
    {"min(min(x, c0), c1)", "min(x, min(c0, c1))", integer},
    {"max(max(x, c0), c1)", "max(x, max(c0, c1))", integer},
    {"max(min(x, c0), c1)", "c1", integer, "c0 <= c1"},
    {"min(max(x, c0), c1)", "c1", integer, "c1 <= c0"},
    {"x == x", "true", integer},
    {"x != x", "false", integer},
    {"x <= x", "true", integer},
    {"x < x", "false", integer},
    {"!(x < y)", "y <= x", integer},
    {"!(x <= y)", "y < x", integer},

    {"x / c0 / c1", "x / (c0 * c1)", index, "0 < c0 && 0 < c1 && c1 < 1073741824 / c0"},
    {"x % c0 % c1", "x % c1", index, "0 < c0 && 0 < c1 && c0 % c1 == 0"},
    {"x % c0 / c1", "x / c1 % (c0 / c1)", index, "0 < c0 && 0 < c1 && c0 % c1 == 0"},
    {"x <= c0", "x < c0 + 1", index, "c0 < 1073741824"},
    {"c0 <= x", "c0 - 1 < x", index, "-1073741824 < c0"},
    {"x + c0 < c1", "x < c1 - c0", index},
    {"x - c0 < c1", "x < c1 + c0", index},
    {"c0 < x + c1", "c0 - c1 < x", index},
    {"c0 < x - c1", "c0 + c1 < x", index},
    {"x * c0 < c1", "x < (c1 + c0 - 1) / c0", index, "0 < c0"},
    {"c0 < x * c1", "c0 / c1 < x", index, "0 < c1"},
    {"x * c0 == c1", "x == c1 / c0", index, "c0 != 0 && c1 % c0 == 0"},
    {"x + c0 == c1", "x == c1 - c0", index},
    {"x - c0 == c1", "x == c1 + c0", index},

    {"!(!b)", "b", boolean},
    {"b && b", "b", boolean},
    {"b || b", "b", boolean},
    {"b && true", "b", boolean},
    {"b && false", "false", boolean},
    {"b || true", "true", boolean},
    {"b || false", "b", boolean},
    {"b && !b", "false", boolean},
    {"b || !b", "true", boolean},
    {"b ^ false", "b", boolean},
    {"b ^ true", "!b", boolean},
    {"b == true", "b", boolean},
    {"b == false", "!b", boolean},
    {"b != false", "b", boolean},
    {"b != true", "!b", boolean},
    {"b == b", "true", boolean},
    {"b && (b && d)", "b && d", boolean},
    {"b || (b || d)", "b || d", boolean},
    {"b && (b || d)", "b", boolean},
    {"b || b && d", "b", boolean},
    {"select(b, true, false)", "b", boolean},
    {"select(b, false, true)", "!b", boolean},
};

constexpr std::array<std::string_view, Bindings::kCount> kPlaceholders = {"x", "y",  "z", "b",
                                                                          "d", "c0", "c1"};

bool is_bool(int place) { return place == placeholder("b") || place == placeholder("d"); }
bool is_constant_place(int place) { return place >= placeholder("c0"); }

const std::unordered_map<std::string, Expr>& placeholders() {
  static const auto* const made = [] {
    auto* map = new std::unordered_map<std::string, Expr>();
    for (int i = 0; i < Bindings::kCount; ++i) {
      const std::string name(kPlaceholders[i]);
      map->emplace(name, variable(name, {is_bool(i) ? DType::boolean : DType::i32, 1}));
    }
    return map;
  }();
  return *made;
}

Expr parsed(std::string_view text) {
  Result<Expr> e = parse_expr(text, placeholders());
  CHECK(e.ok(), "rule {}: {}", text, e.error().message);
  return *std::move(e);
}

// The scalar constant that every lane of e is, if e is one.
const ExprNode* uniform_constant(const Expr& e) {
  const Expr& scalar = e->kind == ExprKind::broadcast ? e->args[0] : e;
  return scalar->kind == ExprKind::constant ? scalar.get() : nullptr;
}

// Is a constant the number of a literal? -0.0 is not 0.
bool equals(const ExprNode& value, const ExprNode& literal) {
  if ((value.type.dtype == DType::boolean) != (literal.type.dtype == DType::boolean)) return false;
  if (!is_float(value.type.dtype)) return value.integer == literal.integer;
  return value.number == static_cast<double>(literal.integer) && !std::signbit(value.number);
}

bool domain_has(Rule::Domain domain, DType dtype) {
  switch (domain) {
    case index:
      return dtype == DType::i32;
    case integer:
      return is_integer(dtype);
    case number:
      return dtype != DType::boolean;
    case boolean:
      return false;
  }
  return false;
}

bool commutes(BinaryOp op, DType dtype) {
  switch (op) {
    case BinaryOp::add:
    case BinaryOp::mul:
    case BinaryOp::bit_and:
    case BinaryOp::bit_or:
    case BinaryOp::bit_xor:
    case BinaryOp::eq:
    case BinaryOp::ne:
      return true;
    case BinaryOp::min:
    case BinaryOp::max:
      return !is_float(dtype);
    default:
      return false;
  }
}

struct Matcher {
  Rule::Domain domain;
  Bindings bindings;
  bool typed = false;

  bool match(const Expr& pattern, const Expr& e) {
    switch (pattern->kind) {
      case ExprKind::variable:
        return bind(placeholder(pattern->name), e);
      case ExprKind::constant: {
        const ExprNode* value = uniform_constant(e);
        return value && equals(*value, *pattern);
      }
      default:
        break;
    }
    if (pattern->kind != e->kind || pattern->args.size() != e->args.size()) return false;
    if (pattern->kind == ExprKind::unary && pattern->unary_op != e->unary_op) return false;
    if (pattern->kind != ExprKind::binary) return match_args(pattern->args, e->args);
    if (pattern->binary_op != e->binary_op) return false;
    const Matcher before = *this;
    if (match_args(pattern->args, e->args)) return true;
    if (!commutes(e->binary_op, e->args[0]->type.dtype)) return false;
    *this = before;
    return match(pattern->args[0], e->args[1]) && match(pattern->args[1], e->args[0]);
  }

 private:
  bool match_args(const std::vector<Expr>& pattern, const std::vector<Expr>& args) {
    for (size_t i = 0; i < pattern.size(); ++i)
      if (!match(pattern[i], args[i])) return false;
    return true;
  }

  bool bind(int place, const Expr& e) {
    const DType dtype = e->type.dtype;
    if (is_bool(place)) {
      if (dtype != DType::boolean) return false;
    } else {
      if (typed ? dtype != bindings.dtype : !domain_has(domain, dtype)) return false;
      bindings.dtype = dtype;
      typed = true;
    }
    Expr& value = bindings.values[place];
    if (value.defined()) return value.same_as(e);
    if (!is_constant_place(place)) {
      value = e;
      return true;
    }
    const ExprNode* constant = uniform_constant(e);
    if (constant) value = e->kind == ExprKind::broadcast ? e->args[0] : e;
    return constant != nullptr;
  }
};

class Instantiation : public Mutator {
 public:
  explicit Instantiation(const Bindings& bindings) : bindings_(bindings) {}

 protected:
  using Mutator::visit;
  Expr visit(const Expr& e) override {
    if (e->kind == ExprKind::variable) return bindings_.values[placeholder(e->name)];
    if (e->kind == ExprKind::constant && e->type == Type{})
      return constant_int({bindings_.dtype, 1}, e->integer);
    return Mutator::visit(e);
  }

 private:
  const Bindings& bindings_;
};

// Rules by the kind and operator of their pattern's root.
int root_key(const ExprNode& e) {
  return static_cast<int>(e.kind) * 64 + static_cast<int>(e.binary_op) * 2 +
         static_cast<int>(e.unary_op);
}

const std::vector<std::vector<const CompiledRule*>>& rules_by_root() {
  static const auto* const made = [] {
    auto* table = new std::vector<std::vector<const CompiledRule*>>(64 * 16);
    for (const CompiledRule& rule : compiled_rules())
      table->at(root_key(*rule.pattern)).push_back(&rule);
    return table;
  }();
  return *made;
}

}  // namespace

std::span<const Rule> simplify_rules() { return kRules; }

std::span<const CompiledRule> compiled_rules() {
  static const auto* const made = [] {
    auto* list = new std::vector<CompiledRule>();
    for (const Rule& rule : kRules)
      list->push_back({&rule, parsed(rule.pattern), parsed(rule.replacement),
                       rule.condition.empty() ? Expr() : parsed(rule.condition)});
    return list;
  }();
  return *made;
}

int placeholder(std::string_view name) {
  for (int i = 0; i < Bindings::kCount; ++i)
    if (kPlaceholders[i] == name) return i;
  CHECK(false, "no placeholder {}", name);
  return 0;
}

Expr instantiate(const Expr& pattern, const Bindings& bindings) {
  return Instantiation(bindings).mutate(pattern);
}

Expr apply_rules(const Expr& e, const std::function<bool(const Expr&)>& prove) {
  for (const CompiledRule* rule : rules_by_root()[root_key(*e)]) {
    Matcher matcher{rule->rule->domain, {}, false};
    if (!matcher.match(rule->pattern, e)) continue;
    if (rule->condition.defined() && !prove(instantiate(rule->condition, matcher.bindings)))
      continue;
    const Expr replacement = instantiate(rule->replacement, matcher.bindings);
    // A constant, or a lone placeholder's constant, has the type of the rule's literals.
    if (replacement->kind == ExprKind::constant && !e->type.is_scalar())
      return broadcast(replacement, e->type.lanes);
    return replacement;
  }
  return {};
}

}  // namespace tempera::kernel
