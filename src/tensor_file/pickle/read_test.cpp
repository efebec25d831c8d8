#include "tensor_file/pickle/read.h"

#include <gtest/gtest.h>

#include "tensor_file/pickle/calls.h"

namespace tempera::pickle {
namespace {

using namespace std::string_literals;

Result<Document> read_text(const std::string& text) {
  return read(std::as_bytes(std::span(text)), "file");
}

TEST(Pickle, ReadsTheTextualProtocol) {
  const std::string text = "(dp0\nVa\\u00e9\nI42\nsS'b\\x41'\n(lp1\nF1.5\naI01\nas.";
  const auto document = read_text(text);
  ASSERT_TRUE(document.ok()) << document.error().message;
  const Value& root = (*document)[document->root];
  EXPECT_EQ(find(*document, root, "a\u00e9")->integer, 42);
  const Value* list = find(*document, root, "bA");
  ASSERT_NE(list, nullptr);
  EXPECT_EQ((*document)[list->items[0]].real, 1.5);
  EXPECT_EQ((*document)[list->items[1]].kind, Kind::boolean);
}

TEST(Pickle, ReadsNegativeAndLargeIntegers) {
  const auto document =
      read_text("\x80\x02(\x8a\x01\xffJ\xfe\xff\xff\xff\x8a\x09"s + std::string(9, '\1') + "t."s);
  ASSERT_TRUE(document.ok()) << document.error().message;
  const auto& items = (*document)[document->root].items;
  EXPECT_EQ((*document)[items[0]].integer, -1);
  EXPECT_EQ((*document)[items[1]].integer, -2);
  EXPECT_EQ((*document)[items[2]].kind, Kind::other);
}

TEST(Pickle, AListMayHoldItself) {
  const std::string text =
      "\x80\x02]q\x00h\x00"s
      "a.";
  const auto document = read_text(text);
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ((*document)[document->root].items, (std::vector<ValueId>{document->root}));
}

TEST(Pickle, ManyValuesAreRefused) {
  const auto document = read_text(std::string(kMaxValues + 1, ']') + ".");
  ASSERT_FALSE(document.ok());
  EXPECT_EQ(document.error().code, ErrorCode::resource_exhausted);
}

// A call by each opcode that makes one.
TEST(Pickle, CallsAreRefusedByName) {
  for (const std::string& text :
       {"cos\nsystem\n(S'ls'\ntR."s, "(S'ls'\nios\nsystem\n."s, "(cos\nsystem\nS'ls'\no."s,
        "\x80\x02"s
        "cos\nsystem\n)\x81."s,
        "\x80\x04\x8c\x02os\x8c\x06system\x93)R."s,
        "\x80\x04"s
        "cos\nsystem\n)}\x92."s,
        "cos\nsystem\nq\x01)h\x01)R."s}) {
    const auto document = read_text(text);
    ASSERT_FALSE(document.ok()) << text;
    EXPECT_EQ(document.error().message,
              "file: the pickle calls 'os.system', which no model needs; a program may hide in "
              "this file, take one from elsewhere");
  }
}

TEST(Pickle, TellsDataFromPrograms) {
  EXPECT_TRUE(is_harmless_call("collections", "OrderedDict"));
  EXPECT_TRUE(is_harmless_call("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"));
  EXPECT_TRUE(is_harmless_call("numpy.core.multiarray", "scalar"));
  EXPECT_TRUE(is_harmless_call("builtins", "set"));
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"posix", "system"},
                                                        {"builtins", "eval"},
                                                        {"__builtin__", "getattr"},
                                                        {"subprocess", "Popen"},
                                                        {"torch", "load"},
                                                        {"torch.hub", "load"},
                                                        {"numpy", "load"},
                                                        {"somebody", "run"},
                                                        {"torch", "os.system"},
                                                        {"io", "FileIO"}})
    EXPECT_FALSE(is_harmless_call(module, name)) << module << " " << name;
}

}  // namespace
}  // namespace tempera::pickle
