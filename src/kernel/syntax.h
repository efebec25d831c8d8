#pragma once

#include <array>
#include <string_view>

#include "kernel/stmt.h"

// What the printer and the parser share.
namespace tempera::kernel::syntax {

struct Operator {
  BinaryOp op;
  std::string_view symbol;
  int precedence;  // a higher one binds tighter
  bool of_bools = false;
};

inline constexpr int kUnaryPrecedence = 10;
inline constexpr std::array<Operator, 16> kOperators = {{
    {BinaryOp::bit_or, "||", 1, true},
    {BinaryOp::bit_and, "&&", 2, true},
    {BinaryOp::lt, "<", 3},
    {BinaryOp::le, "<=", 3},
    {BinaryOp::eq, "==", 3},
    {BinaryOp::ne, "!=", 3},
    {BinaryOp::bit_or, "|", 4},
    {BinaryOp::bit_xor, "^", 5},
    {BinaryOp::bit_and, "&", 6},
    {BinaryOp::shift_left, "<<", 7},
    {BinaryOp::shift_right, ">>", 7},
    {BinaryOp::add, "+", 8},
    {BinaryOp::sub, "-", 8},
    {BinaryOp::mul, "*", 9},
    {BinaryOp::div, "/", 9},
    {BinaryOp::mod, "%", 9},
}};

struct LoopWord {
  LoopKind kind;
  std::string_view word;
};
inline constexpr std::array<LoopWord, 4> kLoopWords = {{
    {LoopKind::serial, "for"},
    {LoopKind::unrolled, "unroll"},
    {LoopKind::grid, "grid"},
    {LoopKind::lane, "lane"},
}};

struct SpaceWord {
  Space space;
  std::string_view word;
};
inline constexpr std::array<SpaceWord, 3> kSpaceWords = {{
    {Space::global, "global"},
    {Space::workgroup, "workgroup"},
    {Space::registers, "registers"},
}};

// Words that cannot be names; nor can the names of dtypes, alone or with a lane count.
inline constexpr std::string_view kWords[] = {
    "for",       "unroll",  "grid",      "lane",   "in",   "if",        "else",
    "let",       "global",  "workgroup", "mut",    "true", "inf",       "false",
    "nan",       "min",     "max",       "select", "ramp", "broadcast", "extract",
    "registers", "barrier", "kernel",    "repeat",
};
// Is it a word above, a type or an intrinsic?
bool is_reserved(std::string_view word);
bool starts_name(char c);
bool continues_name(char c);

}  // namespace tempera::kernel::syntax
