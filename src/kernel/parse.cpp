#include "kernel/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "kernel/cursor.h"
#include "kernel/syntax.h"

namespace tempera::kernel {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A failed CHECK says "place: check failed: condition: message".
std::string_view message_of(const InternalError& failed) {
  std::string_view text = failed.what();
  constexpr std::string_view kMark = "check failed: ";
  text.remove_prefix(text.find(kMark) + kMark.size());
  return text.substr(text.find(": ") + 2);
}

// By recursive descent. After a fault every function returns, and what it returns is not used.
class Parser : Cursor {
 public:
  Parser(std::string_view text, std::unordered_map<std::string, Expr> variables)
      : Cursor(text), variables_(std::move(variables)) {}

  Result<Kernel> kernel() {
    Kernel kernel;
    expect_word("kernel");
    kernel.name = name();
    expect("(");
    while (!failed() && !take(")")) {
      if (!kernel.parameters.empty()) expect(",");
      kernel.parameters.push_back(parameter());
    }
    kernel.body = braces();
    return finished(std::move(kernel));
  }

  Result<Expr> expression() {
    Expr e = expr();
    return finished(std::move(e));
  }

 private:
  template <typename T>
  Result<T> finished(T value) {
    if (!failed() && !rest().empty()) fail("something follows the end");
    if (failed()) return *failure();
    return value;
  }

  // A builder refuses operands that do not fit with a CHECK; here that is a fault of the text.
  template <typename F>
  auto build(F make) -> decltype(make()) {
    if (!failed()) {
      try {
        return make();
      } catch (const InternalError& refusal) {
        fail(std::string(message_of(refusal)));
      }
    }
    if constexpr (std::is_same_v<decltype(make()), Stmt>)
      return block({});
    else
      return decltype(make())(0);
  }

  // --- declarations ---

  Type type() {
    std::string_view word = peek_word();
    const size_t size = word.size();
    int lanes = 1;
    if (const size_t x = word.find('x'); x != std::string_view::npos) {
      const auto [end, code] =
          std::from_chars(word.data() + x + 1, word.data() + word.size(), lanes);
      if (code != std::errc{} || end != word.data() + word.size() || lanes < 1) lanes = 0;
      word = word.substr(0, x);
    }
    const std::optional<DType> dtype = dtype_from_name(word);
    if (!dtype || lanes == 0) {
      fail(fmt::format("{} is no type", here()));
      return {};
    }
    advance(size);
    return {*dtype, lanes};
  }

  // name: type[size]
  BufferNode declaration(Space space) {
    BufferNode buffer;
    buffer.name = name();
    expect(":");
    buffer.type = type();
    expect("[");
    buffer.size = integer();
    if (buffer.size < 0) fail("a buffer of negative size");
    expect("]");
    buffer.space = space;
    return buffer;
  }

  Buffer declare(BufferNode node) {
    auto buffer = std::make_shared<const BufferNode>(std::move(node));
    if (!failed() && !buffers_.emplace(buffer->name, buffer).second)
      fail(fmt::format("buffer {} is declared twice", buffer->name));
    return buffer;
  }

  Buffer parameter() {
    BufferNode node = declaration(Space::global);
    expect_word("global");
    node.written = take_word("mut");
    return declare(std::move(node));
  }

  Buffer buffer(const std::string& name) {
    const auto found = buffers_.find(name);
    if (found != buffers_.end()) return found->second;
    fail(fmt::format("no buffer {} here", name));
    return make_buffer(name, Type{}, Space::global, 0);
  }

  // --- statements ---

  Stmt braces() {
    expect("{");
    Stmt body = statements();
    expect("}");
    return body;
  }

  // Up to the closing brace.
  Stmt statements() {
    std::vector<Stmt> list;
    while (!failed() && !rest().empty() && !rest().starts_with("}")) list.push_back(statement());
    return block(std::move(list));
  }

  Stmt statement() {
    if (rest().starts_with("{")) return braces();
    if (take_word("if")) return branch_statement();
    if (take_word("let")) return let_statement();
    if (take_word("barrier")) return barrier();
    for (const syntax::LoopWord& row : syntax::kLoopWords)
      if (take_word(row.word)) return loop_statement(row.kind);
    for (const syntax::SpaceWord& row : syntax::kSpaceWords)
      if (row.space != Space::global && take_word(row.word)) return allocation(row.space);
    return store_statement();
  }

  Stmt loop_statement(LoopKind kind) {
    const std::string counter = name();
    expect_word("in");
    const Expr begin = unary_expr();
    expect("..");
    const bool counted = take("+");
    Expr extent = unary_expr();
    if (!counted && !failed() && !is_constant(begin, 0)) {
      const int64_t* from = as_int(begin);
      const int64_t* to = as_int(extent);
      if (from && to)
        extent = Expr(static_cast<int>(*to - *from));
      else
        fail("a range that does not start at 0 is begin..+extent");
    }
    const Expr bound = variable(counter);
    const Scope<Expr> scope(variables_, counter, bound);
    Stmt body = braces();
    return build([&] { return loop(kind, bound, begin, extent, body); });
  }

  Stmt branch_statement() {
    const Expr condition = expr();
    Stmt then = braces();
    Stmt otherwise = take_word("else") ? braces() : nullptr;
    return build([&] { return branch(condition, then, otherwise); });
  }

  Stmt let_statement() {
    const std::string bound_name = name();
    expect("=");
    const Expr value = expr();
    const Expr bound = variable(bound_name, value->type);
    const Scope<Expr> scope(variables_, bound_name, bound);
    Stmt body = statements();
    return build([&] { return let(bound, value, body); });
  }

  Stmt allocation(Space space) {
    const Buffer buffer = declare(declaration(space));
    Stmt body = statements();
    buffers_.erase(buffer->name);
    return build([&] { return allocate(buffer, body); });
  }

  Stmt store_statement() {
    const Buffer to = buffer(name());
    const auto [index, mask] = place();
    expect("=");
    const Expr value = expr();
    return build([&, index = index, mask = mask] { return store(to, index, value, mask); });
  }

  // [index] or [index, mask]
  std::pair<Expr, Expr> place() {
    expect("[");
    Expr index = expr();
    Expr mask = take(",") ? expr() : Expr();
    expect("]");
    return {index, mask};
  }

  // --- expressions ---

  Expr expr() { return binary_expr(1); }

  const syntax::Operator* take_operator(int precedence) {
    const syntax::Operator* best = nullptr;
    for (const syntax::Operator& row : syntax::kOperators)
      if (rest().starts_with(row.symbol) && (!best || row.symbol.size() > best->symbol.size()))
        best = &row;
    if (!best || best->precedence != precedence) return nullptr;
    advance(best->symbol.size());
    return best;
  }

  Expr binary_expr(int precedence) {
    if (precedence >= syntax::kUnaryPrecedence) return unary_expr();
    Expr left = binary_expr(precedence + 1);
    while (const syntax::Operator* row = take_operator(precedence)) {
      const Expr right = binary_expr(precedence + 1);
      if (row->of_bools && left->type.dtype != DType::boolean) fail("&& and || are of bools");
      left = build([&] { return binary(row->op, left, right); });
    }
    return left;
  }

  Expr unary_expr() {
    if (++depth_ > kMaxDepth) fail("too deep");
    Expr e = unary_body();
    --depth_;
    return e;
  }

  Expr unary_body() {
    const std::string_view text = rest();
    if (text.starts_with("-") && text.size() > 1 &&
        (is_digit(text[1]) || text.substr(1).starts_with("inf"))) {
      take("-");
      return number(true);
    }
    if (take("-")) {
      const Expr x = unary_expr();
      return build([&] { return unary(UnaryOp::neg, x); });
    }
    if (take("!")) {
      const Expr x = unary_expr();
      return build([&] { return unary(UnaryOp::logical_not, x); });
    }
    return primary();
  }

  Expr primary() {
    if (take("(")) {
      Expr e = expr();
      expect(")");
      return e;
    }
    const std::string_view text = rest();
    if (!text.empty() && is_digit(text[0])) return number(false);
    const std::string word(peek_word());
    if (word == "inf" || word == "nan" || word.starts_with("inf_") || word.starts_with("nan_"))
      return number(false);
    if (take_word("true")) return constant_int({DType::boolean, 1}, 1);
    if (take_word("false")) return constant_int({DType::boolean, 1}, 0);
    if (syntax::is_reserved(word)) return call_expr(word);
    return named(name());
  }

  Expr named(const std::string& word) {
    if (rest().starts_with("[")) {
      const Buffer from = buffer(word);
      const auto [index, mask] = place();
      return build([&, index = index, mask = mask] { return load(from, index, mask); });
    }
    if (const auto found = variables_.find(word); found != variables_.end()) return found->second;
    fail(fmt::format("no variable {} here", word));
    return 0;
  }

  DType suffix(DType standard) {
    const std::string_view word = peek_word();
    const std::optional<DType> dtype = dtype_from_name(word);
    // A suffix stands right behind the number.
    if (!dtype || !adjoining().starts_with(word)) return standard;
    advance(word.size());
    return *dtype;
  }

  Expr number(bool negative) {
    const double sign = negative ? -1 : 1;
    for (const auto& [word, value] : {std::pair{"inf", INFINITY}, std::pair{"nan", NAN}}) {
      if (!rest().starts_with(word)) continue;
      take(word);
      return float_constant(sign * value, take("_") ? suffix(DType::boolean) : DType::f32);
    }
    const std::string_view text = rest();
    size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
    // "0..n" is a range, "0.5" a float.
    const bool point = size + 1 < text.size() && text[size] == '.' && is_digit(text[size + 1]);
    const bool exponent = size < text.size() && text[size] == 'e';
    if (!point && !exponent) return integer_constant(negative);
    double wide = 0;
    float narrow = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, wide);
    std::from_chars(text.data(), end, narrow);  // not by way of double: that would round twice
    advance(parsed.ptr - text.data());
    const DType dtype = suffix(DType::f32);
    return float_constant(sign * (dtype == DType::f64 ? wide : narrow), dtype);
  }

  Expr float_constant(double value, DType dtype) {
    if (!is_float(dtype)) fail(fmt::format("{} is no {}", value, tempera::name(dtype)));
    return build([&] { return constant({dtype, 1}, value); });
  }

  Expr integer_constant(bool negative) {
    std::string digits(rest().substr(0, rest().find_first_not_of("0123456789")));
    if (negative) digits.insert(digits.begin(), '-');
    int64_t value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (code != std::errc{}) fail(fmt::format("integer {} is too large", digits));
    advance(digits.size() - (negative ? 1 : 0));
    const DType dtype = suffix(DType::i32);
    if (!is_integer(dtype)) fail(fmt::format("{} is no {}", digits, tempera::name(dtype)));
    return build([&] { return constant_int({dtype, 1}, value); });
  }

  std::vector<Expr> arguments() {
    std::vector<Expr> list;
    expect("(");
    while (!failed() && !take(")")) {
      if (!list.empty()) expect(",");
      list.push_back(expr());
    }
    return list;
  }

  // The last argument of broadcast, repeat, ramp and extract, which is a plain integer.
  int trailing(const Expr& e) {
    const int64_t* value = as_int(e);
    if (!value || *value < 0 || *value > 4096) fail("the last argument is a number of lanes");
    return failed() ? 1 : static_cast<int>(*value);
  }

  Expr call_expr(const std::string& word) {
    take_word(word);
    const std::vector<Expr> args = arguments();
    const auto arity = [&](size_t count) {
      if (args.size() != count) fail(fmt::format("{} takes {} arguments", word, count));
    };
    if (const std::optional<DType> dtype = dtype_from_name(word)) {
      arity(1);
      return build([&] { return cast(*dtype, args[0]); });
    }
    struct Form {
      std::string_view word;
      size_t arity;
      Expr (*make)(Parser&, const std::vector<Expr>&);
    };
    using Args = const std::vector<Expr>&;
    static constexpr Form kForms[] = {
        {"min", 2, [](Parser&, Args a) { return min(a[0], a[1]); }},
        {"max", 2, [](Parser&, Args a) { return max(a[0], a[1]); }},
        {"select", 3, [](Parser&, Args a) { return select(a[0], a[1], a[2]); }},
        {"broadcast", 2, [](Parser& p, Args a) { return broadcast(a[0], p.trailing(a[1])); }},
        {"repeat", 2, [](Parser& p, Args a) { return repeat(a[0], p.trailing(a[1])); }},
        {"extract", 2, [](Parser& p, Args a) { return extract(a[0], p.trailing(a[1])); }},
        {"ramp", 3, [](Parser& p, Args a) { return ramp(a[0], a[1], p.trailing(a[2])); }},
    };
    for (const Form& form : kForms) {
      if (form.word != word) continue;
      arity(form.arity);
      return build([&] { return form.make(*this, args); });
    }
    return intrinsic_call(word, args);
  }

  Expr intrinsic_call(const std::string& word, const std::vector<Expr>& args) {
    for (int i = 0; i <= static_cast<int>(kLastIntrinsic); ++i)
      if (kernel::name(static_cast<Intrinsic>(i)) == word)
        return build([&] { return call(static_cast<Intrinsic>(i), args); });
    fail(fmt::format("{} is no operation", quote(word)));
    return 0;
  }

  // A name's meaning while this stands; the outer meaning comes back after.
  template <typename T>
  class Scope {
   public:
    Scope(std::unordered_map<std::string, T>& names, const std::string& name, T value)
        : names_(names), name_(name) {
      if (const auto found = names.find(name); found != names.end()) outer_ = found->second;
      names.insert_or_assign(name, std::move(value));
    }
    ~Scope() {
      if (outer_)
        names_.insert_or_assign(name_, *outer_);
      else
        names_.erase(name_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::unordered_map<std::string, T>& names_;
    std::string name_;
    std::optional<T> outer_;
  };

  static constexpr int kMaxDepth = 1000;

  int depth_ = 0;
  std::unordered_map<std::string, Expr> variables_;
  std::unordered_map<std::string, Buffer> buffers_;
};

}  // namespace

Result<Kernel> parse_kernel(std::string_view text) { return Parser(text, {}).kernel(); }

Result<Expr> parse_expr(std::string_view text,
                        const std::unordered_map<std::string, Expr>& variables) {
  return Parser(text, variables).expression();
}

}  // namespace tempera::kernel
