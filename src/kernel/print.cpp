#include "kernel/print.h"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "kernel/syntax.h"

namespace tempera::kernel {
namespace {

// Is it printed between its operands, not as a call?
bool is_infix(const ExprNode& e) {
  return e.kind == ExprKind::binary && e.binary_op != BinaryOp::min && e.binary_op != BinaryOp::max;
}

const syntax::Operator& operator_of(const ExprNode& e) {
  const bool bools = e.args[0]->type.dtype == DType::boolean;
  for (const syntax::Operator& row : syntax::kOperators)
    if (row.op == e.binary_op && (!row.of_bools || bools)) return row;
  CHECK(false, "operator without a symbol");
  return syntax::kOperators[0];
}

std::string_view word_of(LoopKind kind) {
  for (const syntax::LoopWord& row : syntax::kLoopWords)
    if (row.kind == kind) return row.word;
  return {};
}

std::string_view word_of(Space space) {
  for (const syntax::SpaceWord& row : syntax::kSpaceWords)
    if (row.space == space) return row.word;
  return {};
}

std::string number_text(double number, DType dtype) {
  const std::string suffix(dtype == DType::f32 ? "" : name(dtype));
  if (!std::isfinite(number)) {
    const std::string word = std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
    return suffix.empty() ? word : word + "_" + suffix;
  }
  std::string text = dtype == DType::f64 ? fmt::format("{}", number)
                                         : fmt::format("{}", static_cast<float>(number));
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + suffix;
}

std::string constant_text(const ExprNode& e) {
  const DType dtype = e.type.dtype;
  if (dtype == DType::boolean) return e.integer ? "true" : "false";
  if (is_float(dtype)) return number_text(e.number, dtype);
  return fmt::format("{}{}", e.integer, dtype == DType::i32 ? "" : name(dtype));
}

class Printer {
 public:
  std::string text;

  void print(const Kernel& kernel) {
    text += fmt::format("kernel {}(", legal(kernel.name));
    for (size_t i = 0; i < kernel.parameters.size(); ++i) {
      const BufferNode& buffer = *kernel.parameters[i];
      text += fmt::format("{}{} global{}", i ? ", " : "", declare(buffer),
                          buffer.written ? " mut" : "");
    }
    text += ") ";
    braces(kernel.body);
    text += "\n";
  }

  void print(const Stmt& s, bool last = true) {
    const bool scoped = s->kind == StmtKind::let || s->kind == StmtKind::allocate;
    if (scoped && !last) {
      line();
      braces(s);
      return;
    }
    switch (s->kind) {
      case StmtKind::block:
        for (size_t i = 0; i < s->body.size(); ++i)
          print(s->body[i], last && i + 1 == s->body.size());
        break;
      case StmtKind::loop:
        print_loop(*s);
        break;
      case StmtKind::branch:
        print_branch(*s);
        break;
      case StmtKind::let:
        print_let(*s);
        break;
      case StmtKind::store:
        print_store(*s);
        break;
      case StmtKind::allocate:
        print_allocate(*s);
        break;
      case StmtKind::barrier:
        line();
        text += "barrier";
        break;
    }
  }

  void print(const Expr& e, int context = 0) {
    const int precedence = precedence_of(*e);
    const bool parenthesis = precedence < context;
    if (parenthesis) text += "(";
    switch (e->kind) {
      case ExprKind::constant:
        text += constant_text(*e);
        break;
      case ExprKind::variable:
        text += name_of(e.get(), e->name);
        break;
      case ExprKind::unary:
        print_unary(*e);
        break;
      case ExprKind::binary:
        is_infix(*e) ? print_binary(*e) : print_call(*e);
        break;
      case ExprKind::load:
        text += name_of(e->buffer.get(), e->buffer->name);
        print_list(e->args, "[", "]");
        break;
      default:
        print_call(*e);
    }
    if (parenthesis) text += ")";
  }

 private:
  static int precedence_of(const ExprNode& e) {
    if (is_infix(e)) return operator_of(e).precedence;
    return e.kind == ExprKind::unary ? syntax::kUnaryPrecedence : syntax::kUnaryPrecedence + 1;
  }

  void print_unary(const ExprNode& e) {
    text += e.unary_op == UnaryOp::neg ? "-" : "!";
    // -(3) is a negation, -3 a constant.
    const bool constant = e.args[0]->kind == ExprKind::constant;
    print(e.args[0], constant ? 100 : syntax::kUnaryPrecedence);
  }

  void print_binary(const ExprNode& e) {
    const syntax::Operator& row = operator_of(e);
    const bool comparison = is_comparison(e.binary_op);
    print(e.args[0], row.precedence + (comparison ? 1 : 0));
    text += fmt::format(" {} ", row.symbol);
    print(e.args[1], row.precedence + 1);
  }

  void print_list(const std::vector<Expr>& list, std::string_view open, std::string_view close) {
    text += open;
    for (size_t i = 0; i < list.size(); ++i) {
      if (i) text += ", ";
      print(list[i]);
    }
    text += close;
  }

  void print_call(const ExprNode& e) {
    switch (e.kind) {
      case ExprKind::select:
        text += "select";
        break;
      case ExprKind::cast:
        text += name(e.type.dtype);
        break;
      case ExprKind::broadcast:
        text += "broadcast";
        break;
      case ExprKind::repeat:
        text += "repeat";
        break;
      case ExprKind::ramp:
        text += "ramp";
        break;
      case ExprKind::extract:
        text += "extract";
        break;
      case ExprKind::binary:
        text += e.binary_op == BinaryOp::min ? "min" : "max";
        break;
      default:
        text += name(e.intrinsic);
    }
    const bool lanes =
        e.kind == ExprKind::broadcast || e.kind == ExprKind::repeat || e.kind == ExprKind::ramp;
    print_list(e.args, "(", "");
    if (lanes) text += fmt::format(", {}", e.type.lanes);
    if (e.kind == ExprKind::extract) text += fmt::format(", {}", e.integer);
    text += ")";
  }

  void print_range(const StmtNode& s) {
    const int64_t* begin = as_int(s.begin);
    const int64_t* extent = as_int(s.extent);
    print(s.begin, syntax::kUnaryPrecedence);
    text += "..";
    if (begin && extent) {
      text += fmt::format("{}", *begin + *extent);
    } else {
      if (!is_constant(s.begin, 0)) text += "+";
      print(s.extent, syntax::kUnaryPrecedence);
    }
  }

  void print_loop(const StmtNode& s) {
    line();
    const auto position = text.size();
    print_range(s);
    const std::string range = text.substr(position);
    text.resize(position);
    const std::string counter = enter(s.variable.get(), s.variable->name);
    text += fmt::format("{} {} in {} ", word_of(s.loop_kind), counter, range);
    braces(s.body[0]);
    leave(s.variable.get());
  }

  void print_branch(const StmtNode& s) {
    line();
    text += "if ";
    print(s.condition);
    text += " ";
    braces(s.body[0]);
    if (s.body.size() < 2) return;
    text += " else ";
    braces(s.body[1]);
  }

  void print_let(const StmtNode& s) {
    line();
    const auto position = text.size();
    print(s.value);
    const std::string value = text.substr(position);
    text.resize(position);
    text += fmt::format("let {} = {}", enter(s.variable.get(), s.variable->name), value);
    print(s.body[0]);
    leave(s.variable.get());
  }

  void print_store(const StmtNode& s) {
    line();
    text += name_of(s.buffer.get(), s.buffer->name);
    std::vector<Expr> place = {s.index};
    if (s.mask.defined()) place.push_back(s.mask);
    print_list(place, "[", "] = ");
    print(s.value);
  }

  void print_allocate(const StmtNode& s) {
    line();
    text += fmt::format("{} {}", word_of(s.buffer->space), declare(*s.buffer));
    print(s.body[0]);
    leave(s.buffer.get());
  }

  std::string declare(const BufferNode& buffer) {
    return fmt::format("{}: {}[{}]", enter(&buffer, buffer.name), to_string(buffer.type),
                       buffer.size);
  }

  void braces(const Stmt& body) {
    text += "{";
    indent_ += 2;
    print(body);
    indent_ -= 2;
    line();
    text += "}";
  }

  void line() {
    if (!text.empty()) text += "\n";
    text.append(indent_, ' ');
  }

  static std::string legal(const std::string& name) {
    std::string out;
    for (char c : name) out += syntax::continues_name(c) ? c : '_';
    if (out.empty() || !syntax::starts_name(out[0])) out.insert(out.begin(), '_');
    return syntax::is_reserved(out) ? out + "_" : out;
  }

  std::string enter(const void* node, const std::string& name) {
    const std::string base = legal(name);
    std::string unique = base;
    for (int i = 1; used_.contains(unique); ++i) unique = fmt::format("{}_{}", base, i);
    used_.insert(unique);
    names_[node] = unique;
    return unique;
  }

  void leave(const void* node) {
    used_.erase(names_[node]);
    names_.erase(node);
  }

  std::string name_of(const void* node, const std::string& name) {
    const auto found = names_.find(node);
    return found == names_.end() ? enter(node, name) : found->second;
  }

  int indent_ = 0;
  std::unordered_map<const void*, std::string> names_;  // of what is in scope
  std::unordered_set<std::string> used_;
};

template <typename T>
std::string printed(const T& what) {
  Printer printer;
  printer.print(what);
  return std::move(printer.text);
}

}  // namespace

std::string to_string(const Kernel& kernel) { return printed(kernel); }
std::string to_string(const Stmt& stmt) { return printed(stmt); }
std::string to_string(const Expr& e) { return printed(e); }

}  // namespace tempera::kernel
