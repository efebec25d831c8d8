#include "kernel/simplify_rules.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "kernel/fold.h"
#include "kernel/interpret.h"
#include "kernel/print.h"
#include "kernel/simplify.h"
#include "kernel/substitute.h"

namespace tempera::kernel {
namespace {

constexpr int kLanes = 4;

// The bytes of an expression's value, by the interpreter.
std::vector<std::byte> value_of(const Expr& e) {
  const Buffer out = make_buffer("out", e->type.element(), Space::global, e->type.lanes, true);
  const Expr index = e->type.is_scalar() ? Expr(0) : ramp(0, 1, e->type.lanes);
  std::vector<std::byte> bytes(size_in_bytes(e->type));
  const std::vector<std::span<std::byte>> buffers = {bytes};
  EXPECT_TRUE(interpret({"value", {out}, store(out, index, e)}, buffers).ok());
  return bytes;
}

class Random {
 public:
  int64_t between(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(engine_);
  }
  template <typename T>
  const T& of(const std::vector<T>& list) {
    return list[between(0, static_cast<int64_t>(list.size()) - 1)];
  }
  Expr number(DType dtype) {
    if (dtype == DType::boolean) return constant_int({dtype, 1}, between(0, 1));
    if (is_float(dtype)) {
      static const std::vector<double> kSpecial = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1.0};
      return constant({dtype, 1}, between(0, 2) ? between(-999, 999) / 8.0 : of(kSpecial));
    }
    const int64_t least = dtype == DType::u8 ? 0 : -20;
    return constant_int({dtype, 1}, between(least, 20));
  }
  // A vector whose lanes differ: select between two by a comparison of a ramp.
  Expr lanes(DType dtype) {
    const Expr some = ramp(0, 1, kLanes) < broadcast(static_cast<int>(between(0, kLanes)), kLanes);
    return select(some, broadcast(number(dtype), kLanes), broadcast(number(dtype), kLanes));
  }

 private:
  std::mt19937 engine_{7};
};

Bindings random_bindings(Random& random, DType dtype, bool vectors) {
  Bindings bindings;
  bindings.dtype = dtype;
  for (const char* name : {"x", "y", "z", "b", "d", "c0", "c1"}) {
    const DType own = name[0] == 'b' || name[0] == 'd' ? DType::boolean : dtype;
    const bool vector = vectors && name[0] != 'c';
    bindings.values[placeholder(name)] = vector ? random.lanes(own) : random.number(own);
  }
  return bindings;
}

std::vector<DType> dtypes_of(Rule::Domain domain) {
  if (domain == Rule::Domain::index || domain == Rule::Domain::boolean) return {DType::i32};
  std::vector<DType> list = {DType::i32, DType::i64, DType::i8, DType::u8};
  if (domain == Rule::Domain::number) list.insert(list.end(), {DType::f32, DType::f16});
  return list;
}

bool same_value(const Expr& a, const Expr& b) {
  const std::vector<std::byte> x = value_of(a);
  const std::vector<std::byte> y = value_of(b);
  if (x == y || !is_float(a->type.dtype)) return x == y;
  return value_of(binary(BinaryOp::ne, a, a)) == value_of(binary(BinaryOp::ne, b, b)) &&
         value_of(select(a == a, a, constant(a->type.element(), 0))) ==
             value_of(select(b == b, b, constant(b->type.element(), 0)));
}

bool undefined(const Rule& rule, const Bindings& bindings) {
  const bool divides = rule.pattern.find_first_of("/%") != std::string_view::npos;
  const bool shifts = rule.pattern.find("<<") != std::string_view::npos ||
                      rule.pattern.find(">>") != std::string_view::npos;
  const auto zero = [&](const char* name) {
    return is_constant(bindings.values[placeholder(name)], 0);
  };
  return (divides && (zero("c0") || zero("c1"))) || shifts;
}

TEST(SimplifyRules, EveryRowHoldsForRandomOperands) {
  Random random;
  for (const CompiledRule& rule : compiled_rules()) {
    int tried = 0;
    for (const DType dtype : dtypes_of(rule.rule->domain)) {
      for (int i = 0; i < 400 && tried < 60; ++i) {
        const Bindings bindings = random_bindings(random, dtype, i % 2 == 1);
        if (rule.condition.defined()) {
          const Expr holds = instantiate(rule.condition, bindings);
          bool zero_divisor = undefined(*rule.rule, bindings);
          if (zero_divisor || !is_constant(simplify(holds), 1)) continue;
        }
        const Expr before = instantiate(rule.pattern, bindings);
        Expr after = instantiate(rule.replacement, bindings);
        // A rule's constant stands for all lanes.
        if (after->type.is_scalar()) after = broadcast(after, before->type.lanes);
        ++tried;
        ASSERT_TRUE(same_value(before, after))
            << "incorrect rule: " << rule.rule->pattern << " -> " << rule.rule->replacement << "\n"
            << to_string(before) << "\n"
            << to_string(after);
      }
    }
    EXPECT_GE(tried, 10) << "hardly tried: " << rule.rule->pattern;
  }
}

// An index expression over variables, with operands small enough not to overflow.
Expr random_index(Random& random, const std::vector<Expr>& variables, int depth) {
  if (depth == 0)
    return random.between(0, 2) ? random.of(variables)
                                : Expr(static_cast<int>(random.between(-9, 9)));
  const auto operand = [&] { return random_index(random, variables, depth - 1); };
  const Expr small(static_cast<int>(random.between(1, 12)));
  switch (random.between(0, 9)) {
    case 0:
    case 1:
      return operand() + operand();
    case 2:
      return operand() - operand();
    case 3:
      return operand() * small;
    case 4:
      return operand() / small;
    case 5:
      return operand() % small;
    case 6:
      return min(operand(), operand());
    case 7:
      return max(operand(), operand());
    case 8:
      return select(operand() < operand(), operand(), operand());
    default: {
      const Expr t = operand();
      const int c = static_cast<int>(random.between(2, 6));
      return t / c * (c * 3) + t % c * 3;
    }
  }
}

Expr random_lanes(Random& random, const std::vector<Expr>& variables) {
  const auto scalar = [&] { return random_index(random, variables, 2); };
  const auto vector = [&] {
    const int stride = static_cast<int>(random.between(-2, 8));
    if (random.between(0, 5) == 0)
      return ramp(ramp(scalar(), static_cast<int>(random.between(-2, 8)), 2), stride, kLanes);
    return random.between(0, 2)
               ? ramp(scalar() * static_cast<int>(random.between(1, 8)), stride, kLanes)
               : broadcast(scalar(), kLanes);
  };
  const Expr by(static_cast<int>(random.between(1, 32)));
  switch (random.between(0, 6)) {
    case 0: {
      const Expr v = vector();
      const int c = static_cast<int>(random.between(2, 9));
      const int d = static_cast<int>(random.between(2, 9));
      return v / (c * d) * (c * d * 3) + v / c % d * (c * 3) + v % c * 3 + vector();
    }
    case 1:
      return vector() / broadcast(by, kLanes) + vector();
    case 2:
      return vector() % broadcast(by, kLanes) * vector();
    case 3:
      return min(vector(), vector()) - vector();
    case 4:
      return select(vector() < vector(), vector(), vector());
    case 5:
      return select((vector() <= vector()) && (vector() == vector()), vector(), vector());
    default:
      return vector() * broadcast(by, kLanes) / broadcast(by, kLanes);
  }
}

TEST(SimplifyRules, RandomIndexExpressionsKeepTheirValue) {
  Random random;
  const std::vector<Expr> variables = {variable("i"), variable("j"), variable("k")};
  const std::vector<int64_t> extents = {3, 16, 7};
  VariableRanges ranges;
  for (size_t i = 0; i < 3; ++i) ranges[variables[i].get()] = {0, extents[i] - 1, 1, 0};
  for (int round = 0; round < 6000; ++round) {
    const Expr e = round % 2 ? random_lanes(random, variables) : random_index(random, variables, 4);
    const Expr simple = simplify(e, ranges);
    EXPECT_TRUE(simplify(simple, ranges)->type == e->type);
    for (int point = 0; point < 4; ++point) {
      Substitution at;
      for (size_t i = 0; i < 3; ++i)
        at[variables[i].get()] = static_cast<int>(random.between(0, extents[i] - 1));
      ASSERT_EQ(value_of(substitute(e, at)), value_of(substitute(simple, at)))
          << to_string(e) << "\nbecame\n"
          << to_string(simple);
    }
  }
}

}  // namespace
}  // namespace tempera::kernel
