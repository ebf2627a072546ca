import assert from "node:assert/strict";
import { escapeXml, parseXml, textOf } from "./xml.ts";

Deno.test("parseXml() gives elements, their text and children, in any order", () => {
  const root = parseXml(
    '\ufeff<?xml version="1.0"?>\n<!-- <a> --><x:Error xmlns:x="http://x/>"><Message/><Code a=\'>\' >No</Code >\n</x:Error>\n',
  );
  assert.equal(root.name, "Error");
  assert.deepEqual(root.children, [
    { name: "Message", text: "", children: [] },
    { name: "Code", text: "No", children: [] },
  ]);
  assert.equal(textOf(root, "Code"), "No");
  assert.equal(textOf(root, "Message"), "");
  assert.equal(textOf(root, "Other"), undefined);
});

Deno.test("parseXml() decodes entities and CDATA, once and nothing else", () => {
  const text = (inner: string) => parseXml(`<a>${inner}</a>`).text;
  assert.equal(text("&amp;lt; &lt;&gt;&quot;&apos; &#252;&#xfc;&#x1F600;&#xd;&#9;"), "&lt; <>\"' üü😀\r\t");
  assert.equal(text("a<![CDATA[<b>&amp;]]>c<!-- - -->d"), "a<b>&amp;cd");
  assert.equal(text(" a+b%20\r\n "), " a+b%20\r\n ");
});

Deno.test("parseXml() takes no document that is cut, wherever", () => {
  const document = '<?xml version="1.0"?><a b="c"><d>e&amp;f</d><!-- g --><h/><![CDATA[i]]></a>';
  parseXml(document);
  for (let end = 0; end < document.length; end++) {
    assert.throws(() => parseXml(document.slice(0, end)), SyntaxError, document.slice(0, end));
  }
});

Deno.test("parseXml() takes nothing that is no document", () => {
  const others = ["", "a", "<a></b>", "<a/><b/>", "<a/>b", "</a>", "<a>&b;</a>", "<a>&amp</a>", "<a>&#x110000;</a>"];
  for (const other of [...others, "<a>&</a>", "<!DOCTYPE a><a/>", "<>", "< a/>", "<a><b></a></b>", "{}"]) {
    assert.throws(() => parseXml(other), SyntaxError, other);
  }
});

Deno.test("escapeXml() is undone by parseXml()", () => {
  const text = '"a" <&amp;> \'';
  assert.equal(parseXml(`<a>${escapeXml(text)}</a>`).text, text);
});
