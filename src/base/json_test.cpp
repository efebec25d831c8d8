#include "base/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace tempera {
namespace {

std::string message_for(std::string_view text) {
  const Result<Json> json = parse_json(text, "config.json");
  EXPECT_FALSE(json.ok()) << text;
  if (json.ok()) return "";
  EXPECT_EQ(json.error().code, ErrorCode::data_loss);
  return json.error().message;
}

std::string nested(int levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Json, KeepsTheOrderOfKeys) {
  const Json json =
      parse_json(R"({"z": 1, "a": {"y": [true, null, -2.5], "b": "x"}})", "t").value();
  EXPECT_EQ(json.dump(), R"({"z":1,"a":{"y":[true,null,-2.5],"b":"x"}})");
}

TEST(Json, RefusesNestingDeeperThan64) {
  EXPECT_TRUE(parse_json(nested(64), "t").ok());
  EXPECT_EQ(message_for(nested(65)), "config.json: nested deeper than 64 levels");
  EXPECT_EQ(message_for(std::string(5'000'000, '[')), "config.json: nested deeper than 64 levels");
}

TEST(Json, RefusesDuplicateKeysOfOneObjectOnly) {
  EXPECT_EQ(message_for(R"({"a": 1, "b": 2, "a": 3})"),
            "config.json: the key 'a' occurs twice in one object");
  EXPECT_EQ(message_for(R"({"a": 1, "\u0061": 3})"),
            "config.json: the key 'a' occurs twice in one object");
  EXPECT_TRUE(parse_json(R"({"a": {"a": 1}, "b": {"a": 2}})", "t").ok());
}

TEST(Json, ManyKeysTakeLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("\"{}\":0,", i);
  text += "\"last\":1}";
  EXPECT_EQ(parse_json(text, "t").value().size(), 200'001u);
}

TEST(Json, SaysWhereTheTextIsWrong) {
  EXPECT_EQ(message_for("{\"a\": nul}"), "config.json: not valid JSON at byte 10: invalid literal");
  for (std::string_view text : {"", " ", "{", "{} x", "[1,]", "{'a': 1}", "[01]", "[1e999]",
                                "\"\xff\"", "\"\\ud800\"", "nan", "[\"a\nb\"]"})
    EXPECT_TRUE(message_for(text).starts_with("config.json: not valid JSON at byte ")) << text;
  EXPECT_EQ(message_for(std::string_view("{}\0x", 4)),
            "config.json: not valid JSON at byte 2: a NUL byte");
}

TEST(Json, ErrorsStayShortForLongTexts) {
  EXPECT_LT(message_for('"' + std::string(1'000'000, 'x')).size(), 200u);
}

TEST(Json, FieldsAreReadWithTheirType) {
  const Json json =
      parse_json(R"({"flag": true, "n": 3, "x": 0.5, "s": "t", "none": null})", "t").value();
  EXPECT_EQ(get<bool>(json, "flag", "t").value(), true);
  EXPECT_EQ(get<int64_t>(json, "n", "t").value(), 3);
  EXPECT_EQ(get<double>(json, "n", "t").value(), 3.0);
  EXPECT_EQ(get<double>(json, "x", "t").value(), 0.5);
  EXPECT_EQ(get<std::string>(json, "s", "t").value(), "t");
  EXPECT_EQ(get_or<int64_t>(json, "missing", 7, "t").value(), 7);
  EXPECT_EQ(get_or<int64_t>(json, "none", 7, "t").value(), 7);
  EXPECT_EQ(get_or<int64_t>(json, "n", 7, "t").value(), 3);
}

TEST(Json, MissingAndWrongFieldsAreSentences) {
  const Json json = parse_json(R"({"n": 3, "x": 0.5, "s": "t", "none": null})", "t").value();
  EXPECT_EQ(get<bool>(json, "flag", "config.json").error().message,
            "config.json: field 'flag' is missing");
  EXPECT_EQ(get<bool>(json, "flag", "config.json").error().code, ErrorCode::not_found);
  EXPECT_EQ(get<int64_t>(json, "s", "config.json").error().message,
            "config.json: field 's' must be a 64-bit integer, not string");
  EXPECT_EQ(get<int64_t>(json, "x", "config.json").error().message,
            "config.json: field 'x' must be a 64-bit integer, not another number");
  EXPECT_EQ(get<bool>(json, "n", "t").error().code, ErrorCode::data_loss);
  EXPECT_EQ(get<std::string>(json, "none", "t").error().code, ErrorCode::data_loss);
  EXPECT_EQ(get_or<bool>(json, "s", true, "t").error().code, ErrorCode::data_loss);
  EXPECT_EQ(get<bool>(Json::array(), "a", "t").error().message,
            "t: expected an object with field 'a', found array");
}

TEST(Json, IntegersOutOfRangeAreRefused) {
  const Json json =
      parse_json(R"({"max": 9223372036854775807, "over": 9223372036854775808, "far": 1e30,
                                   "min": -9223372036854775808})",
                 "t")
          .value();
  EXPECT_EQ(get<int64_t>(json, "max", "t").value(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(get<int64_t>(json, "min", "t").value(), std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(get<int64_t>(json, "over", "t").ok());
  EXPECT_FALSE(get<int64_t>(json, "far", "t").ok());
}

TEST(Json, MissingFileIsNotFound) {
  EXPECT_EQ(read_json_file("/no/such/config.json").error().message,
            "cannot open /no/such/config.json: no such file or directory");
}

}  // namespace
}  // namespace tempera
